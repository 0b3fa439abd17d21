using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Demos;

/// <summary>The demonstration of a scoreboard, as users run it.</summary>
public sealed class OlympicsDemoTests(ITestOutputHelper output)
{
    [Fact(Timeout = 120_000)]
    public async Task Every_tablet_shows_what_was_written_though_one_of_them_dies_and_two_regions_agree()
    {
        using var directory = new TempDirectory();

        var result = await CommandProcess.RunAsync(directory.Path, input: null, "demo", "olympics");

        output.WriteLine(result.Out);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("DIFFERS", result.Out, StringComparison.Ordinal);
        Assert.Equal(5, result.Lines.Count(line => line.Contains("push: called with each of 10 medals and 10 scores, once, in order", StringComparison.Ordinal)));
        Assert.Contains("a tablet of rome is called with the score that was set in gaul", result.Out, StringComparison.Ordinal);
        var checks = result.Lines.Count(line => line.StartsWith("   ok ", StringComparison.Ordinal));
        Assert.StartsWith($"All {checks} checks hold", result.Lines[^1], StringComparison.Ordinal);
        Assert.True(checks >= 35, $"{checks} checks");
    }
}
