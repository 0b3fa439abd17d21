using System.Diagnostics;
using Stentor.EndToEnd.Processes;
using Stentor.Testing;

namespace Stentor.EndToEnd.Starting;

/// <summary>How long a start takes.</summary>
[Collection(nameof(Alone))]
public sealed class StartTests(ITestOutputHelper output)
{
    [Fact(Timeout = 60_000)]
    public async Task A_later_start_takes_less_than_a_second_from_any_directory_and_through_a_link()
    {
        using var directory = new TempDirectory();
        var link = directory["stentor-link"];
        File.CreateSymbolicLink(link, Repository.Program);
        var best = TimeSpan.MaxValue;

        // The best of five: what else runs on this machine is not the program's fault.
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var started = Stopwatch.GetTimestamp();
            await using var node = new CommandProcess(directory.Path, ["serve", "--ephemeral", "--listen", "http://127.0.0.1:0"], link);
            var line = await node.Out.ReadLineAsync(TestContext.Current.CancellationToken);
            var took = Stopwatch.GetElapsedTime(started);
            output.WriteLine($"{line} after {took.TotalMilliseconds:0} ms");
            Assert.StartsWith("listening on http://127.0.0.1:", line, StringComparison.Ordinal);
            best = took < best ? took : best;
        }

        Assert.InRange(best, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
