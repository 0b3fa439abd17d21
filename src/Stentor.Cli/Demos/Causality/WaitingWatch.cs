using System.Globalization;
using System.Text.Json;
using Stentor.Cli.Chatting.Classic;

namespace Stentor.Cli.Demos.Causality;

/// <summary>What a region held back, as its status told.</summary>
/// <param name="Since">Since when, since the beginning of the demonstration.</param>
/// <param name="Missing">What it waited for: the message's region and number.</param>
internal sealed record HeldBack(TimeSpan Since, string Missing);

/// <summary>Looks into asia's waiting room for Bob's answer.</summary>
/// <param name="stage">The stage.</param>
/// <param name="regions">The regions.</param>
internal sealed class WaitingWatch(Stage stage, CausalityRegions regions)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    /// <summary>Looks until told to end.</summary>
    /// <param name="over">Ends it.</param>
    /// <returns>What was seen; null when Bob's answer was never seen waiting for Alice's message.</returns>
    public async Task<HeldBack?> WatchAsync(CancellationToken over)
    {
        HeldBack? seen = null;
        try
        {
            while (true)
            {
                var (glad, found) = (regions.Us.Reader.Find(ClassicWord.Glad.Sentence()), regions.Us.Reader.Find(ClassicWord.Found.Sentence()));
                if (seen is null && glad is not null && found is not null)
                {
                    seen = Find(await regions.Asia.Client.GetClusterAsync(over), glad, found);
                    Tell(seen, glad);
                }

                await Task.Delay(Interval, stage.Time, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return seen;
        }
    }

    private void Tell(HeldBack? seen, Shown glad)
    {
        if (seen is not null)
        {
            stage.Narrator.Tell("asia", $"holds back Bob's answer {glad.Activity.Origin}:{glad.Activity.Seq}: it depends on {seen.Missing}, which is not here yet.");
        }
    }

    private HeldBack? Find(JsonElement status, Shown glad, Shown found)
    {
        foreach (var line in status.GetProperty("waitingRoom").GetProperty("waiting").EnumerateArray())
        {
            // A line tells of the first of its origin; Bob's answer may stand behind others of his region that wait as well.
            var first = line.GetProperty("seq").GetInt64();
            var last = first + line.GetProperty("behind").GetInt64();
            var isBobs = line.GetProperty("origin").GetString() == glad.Activity.Origin.Value && first <= glad.Activity.Seq && glad.Activity.Seq <= last;
            if (isBobs && line.GetProperty("missing").TryGetProperty(found.Activity.Origin.Value, out var missing) && missing.GetInt64() >= found.Activity.Seq)
            {
                var since = DateTimeOffset.Parse(line.GetProperty("since").GetString()!, CultureInfo.InvariantCulture); // The contract has no null here.
                return new HeldBack(stage.Narrator.Elapsed - (stage.Time.GetUtcNow() - since), $"{found.Activity.Origin}:{found.Activity.Seq}");
            }
        }

        return null;
    }
}
