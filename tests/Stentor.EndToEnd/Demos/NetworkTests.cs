using System.Text.RegularExpressions;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Demos;

/// <summary>The demonstration of an Activity Streamer network, as users run it.</summary>
public sealed partial class NetworkTests(ITestOutputHelper output)
{
    [Fact(Timeout = 240_000)]
    public async Task Each_activity_reaches_each_client_that_is_logged_in_throughout_once_though_a_node_is_killed()
    {
        using var directory = new TempDirectory();

        var result = await CommandProcess.RunAsync(directory.Path, input: null, "demo", "network");

        output.WriteLine(result.Out);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("DIFFERS", result.Out, StringComparison.Ordinal);
        Assert.Contains("each of 30 clients was told each of 203 documents once", result.Out, StringComparison.Ordinal);
        Assert.Matches(KilledLine(), result.Out);
        Assert.Contains("the foreign server was told", result.Out, StringComparison.Ordinal);
        var checks = result.Lines.Count(line => line.StartsWith("   ok ", StringComparison.Ordinal));
        Assert.StartsWith($"All {checks} checks hold", result.Lines[^1], StringComparison.Ordinal);
        Assert.True(checks >= 35, $"{checks} checks");
    }

    [GeneratedRegex(@"kill -9 \d+: node 4 is gone")]
    private static partial Regex KilledLine();
}
