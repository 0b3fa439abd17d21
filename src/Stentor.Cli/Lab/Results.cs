using System.Diagnostics;
using Stentor.Cli.Lab.Readers;

namespace Stentor.Cli.Lab;

/// <summary>Makes rows of what was written, shown and counted.</summary>
internal static class Results
{
    /// <summary>The rows of a combination: one, or one for each half of a mixed population.</summary>
    /// <param name="combination">The combination.</param>
    /// <param name="writes">The writes that count.</param>
    /// <param name="shown">What each client showed.</param>
    /// <param name="pushed">What went over the connections of those who are pushed to, meanwhile.</param>
    /// <param name="pulled">What went over the connections of those who pull, meanwhile.</param>
    /// <param name="seconds">How long that was.</param>
    /// <param name="nodeCores">How many cores the node used meanwhile.</param>
    /// <param name="otherCores">How many cores processes that are not the lab's used meanwhile; null when that is not known.</param>
    public static Measurement Of(
        Combination combination, IReadOnlyList<Moment> writes, IReadOnlyList<ClientShown> shown, TrafficCount pushed, TrafficCount pulled, double seconds, double nodeCores, double? otherCores)
    {
        var rows = new List<LatencyRow>();
        var all = new List<(string Arch, int Client, Sample Sample)>();
        foreach (var (isPush, clients, traffic) in new[] { (true, combination.Pushed, pushed), (false, combination.Pulling, pulled) })
        {
            if (clients == 0)
            {
                continue;
            }

            var arch = $"{(combination.Arch == Arch.Mixed ? "mixed-" : "")}{LabWords.Of(isPush ? Arch.Push : Arch.Pull)}";
            var samples = new List<double>();
            var missed = 0;
            for (var client = 0; client < shown.Count; client++)
            {
                if (shown[client].IsPush != isPush)
                {
                    continue;
                }

                var (own, lacking) = Joining.Join(writes, shown[client].Moments, Stopwatch.Frequency);
                missed += lacking;
                samples.AddRange(own.Select(sample => sample.Milliseconds));
                all.AddRange(own.Select(sample => (arch, client, sample)));
            }

            var cost = new Cost(traffic.CallsIn / seconds / clients, traffic.CallsOut / seconds / clients, traffic.BytesIn / seconds / clients, traffic.BytesOut / seconds / clients);
            rows.Add(new LatencyRow(arch, LabWords.Of(combination.Transport), combination.Clients, samples.Count, missed, Spread.Of([.. samples]), cost, nodeCores, otherCores));
        }

        return new Measurement(rows, all);
    }
}
