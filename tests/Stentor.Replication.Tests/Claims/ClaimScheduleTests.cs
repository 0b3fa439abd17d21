using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>Random lives of clusters. A failure names its seed.</summary>
public sealed class ClaimScheduleTests
{
    // 600: all rules but one of docs/claims.md, taken out, are missed within the first 300. (The one, that two possible claims make a voter wait, after
    // some 7,000; ClaimTests has its story.) Longer searches are made by hand.
    private static readonly int Lives = int.TryParse(Environment.GetEnvironmentVariable("STENTOR_CLAIM_SEEDS"), out var lives) ? lives : 600;

    [Fact]
    public void A_name_never_has_two_owners_and_is_always_decided_while_no_voter_is_lost() => Live(losesDisks: false);

    [Fact]
    public void A_name_never_has_two_owners_when_voters_are_lost_and_replaced() => Live(losesDisks: true);

    private static void Live(bool losesDisks)
    {
        for (var seed = 1; seed <= Lives; seed++)
        {
            try
            {
                Live(seed, losesDisks);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Life {seed}, disks {(losesDisks ? "lost" : "kept")}: {e.Message}", e);
            }
        }
    }

    private static void Live(int seed, bool losesDisks)
    {
        var schedule = new ClaimSchedule(seed, losesDisks);
        schedule.Run(steps: 40 + (seed % 160));
        schedule.Heal();
        schedule.Watch.Look();
        foreach (var region in schedule.Regions.Where(r => r.IsAlive))
        {
            foreach (var channel in region.ClaimChannelNames)
            {
                Assert.True(
                    region.Decided(channel) is not null || Excuses.IsLeftOpenByLostVoters(region, channel, schedule.Regions),
                    $"{channel} is not decided in {region.Origin}, voters {region.Sets!.Current}"); // A claim channel has a cluster.
            }
        }
    }
}
