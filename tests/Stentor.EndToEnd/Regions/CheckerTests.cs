using Xunit.Sdk;

namespace Stentor.EndToEnd.Regions;

/// <summary>A checker that finds nothing must be one that could have found something.</summary>
public sealed class CheckerTests
{
    private static readonly LoggedEntry First = Entry("eu-1", 1);
    private static readonly LoggedEntry Second = Entry("eu-1", 2);
    private static readonly LoggedEntry Answer = Entry("us-1", 1, after: """{"eu-1":2}""", lamport: 3);

    [Fact]
    public void A_log_without_faults_passes()
    {
        var log = new RegionLog("eu", [First, Second, Answer]);

        log.CheckNumbers(new Dictionary<string, long> { ["eu-1"] = 2, ["us-1"] = 1 });
        log.CheckCausality();
        Shown(First, Second, Answer).Check(log);
    }

    [Fact]
    public void A_gap_a_repeat_and_what_is_missing_are_found()
    {
        var vector = new Dictionary<string, long> { ["eu-1"] = 2, ["us-1"] = 1 };

        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [Second, First, Answer]).CheckNumbers(vector));
        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [Second, Answer]).CheckNumbers(vector));
        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [First, Second]).CheckNumbers(vector));
        Assert.ThrowsAny<ArgumentException>(() => new RegionLog("eu", [First, First]));
    }

    [Fact]
    public void An_entry_before_what_it_depends_on_and_stamps_that_do_not_grow_are_found()
    {
        var tooSmall = Entry("us-1", 1, after: """{"eu-1":2}""", lamport: 2);
        var tooEarly = Entry("us-1", 1, after: """{"eu-1":2}""", lamport: 3, time: First.Time);

        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [First, Answer, Second]).CheckCausality());
        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [First, Second, tooSmall]).CheckCausality());
        Assert.ThrowsAny<XunitException>(() => new RegionLog("eu", [First, Second, tooEarly]).CheckCausality());
    }

    [Fact]
    public void A_reader_that_was_shown_too_little_too_much_or_too_early_is_found()
    {
        var log = new RegionLog("eu", [First, Second, Answer]);

        Assert.ThrowsAny<XunitException>(() => Shown(First, Answer).Check(log));
        Assert.ThrowsAny<XunitException>(() => Shown(First, Second, Answer, Entry("us-1", 2)).Check(log));
        Assert.ThrowsAny<XunitException>(() => Shown(First, Answer, Second).Check(log));
        Assert.ThrowsAny<XunitException>(() => Shown(Second, First, Answer).Check(log));
    }

    private static ShownOrder Shown(params LoggedEntry[] entries)
    {
        var shown = new ShownOrder("a reader");
        foreach (var entry in entries)
        {
            shown.Add(entry);
        }

        return shown;
    }

    private static LoggedEntry Entry(string origin, long seq, string after = "{}", long lamport = 0, string? time = null) =>
        LoggedEntry.Parse(LinkBytes.Entry(origin, seq, time: time ?? $"2026-11-20T09:30:0{(origin == "us-1" ? 5 : 0) + seq}.000000Z", after: after, lamport: lamport).Text);
}
