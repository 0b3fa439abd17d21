using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>Sees every region at every moment, and says when something happened that must not.</summary>
internal sealed class ClaimWatch(IReadOnlyList<ClaimRegion> regions)
{
    private readonly Dictionary<string, string> _decided = [];
    private readonly Dictionary<ClaimRegion, (int Looked, HashSet<string> Decided)> _known = [];
    private readonly Dictionary<(OriginId, string, string), long> _votes = [];
    private readonly Dictionary<(OriginId, int), long> _closed = [];

    /// <summary>Names and voter sets that are decided in some region.</summary>
    public IReadOnlyDictionary<string, string> Decided => _decided;

    public void Look()
    {
        foreach (var region in regions)
        {
            var (looked, decided) = _known.GetValueOrDefault(region, (0, []));
            foreach (var entry in region.Ledger.Skip(looked).Where(e => e.Origin == region.Origin))
            {
                LookAtVotes(entry);
            }

            if (looked == region.Ledger.Count)
            {
                continue;
            }

            // What is decided of a name changes with its own entries; and with those of voter sets, that of all.
            var changed = region.Ledger.Skip(looked).Select(e => e.Channel).ToHashSet();
            foreach (var channel in region.ClaimChannelNames.Where(c => changed.Contains(c) || changed.Any(v => ClaimChannels.VoterSetVersion(v) > 0)))
            {
                LookAt(region, channel, decided);
            }

            _known[region] = (region.Ledger.Count, decided);
        }
    }

    private void LookAt(ClaimRegion region, string channel, HashSet<string> decided)
    {
        var winner = region.Decided(channel);
        if (winner is null)
        {
            Assert.False(decided.Contains(channel), $"{channel} was decided in {region.Origin} and is no more");
            return;
        }

        decided.Add(channel);
        if (!_decided.TryAdd(channel, winner))
        {
            Assert.True(_decided[channel] == winner, $"{channel} is {_decided[channel]}'s and, as {region.Origin} sees it, {winner}'s");
        }
    }

    /// <summary>A voter votes once under a version, and not at all once it has closed it.</summary>
    private void LookAtVotes(Entry entry)
    {
        foreach (var (field, _) in entry.Effect?.Set ?? [])
        {
            if (!field.StartsWith("vote/", StringComparison.Ordinal))
            {
                continue;
            }

            var version = int.Parse(field.Split('/')[2]);
            Assert.True(_votes.TryAdd((entry.Origin, entry.Channel, field), entry.Seq), $"{entry.Origin} voted twice: {entry.Channel} {field}");
            if (ClaimChannels.VoterSetVersion(entry.Channel) > 0)
            {
                _closed.Add((entry.Origin, version), entry.Seq);
            }
            else
            {
                Assert.False(_closed.ContainsKey((entry.Origin, version)), $"{entry.Origin} had closed version {version}, and voted: {entry.Channel}");
            }
        }
    }
}
