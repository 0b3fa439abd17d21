using System.Globalization;
using Stentor.Protocol;

namespace Stentor.Replication.Tests;

/// <summary>
/// A random life of a cluster, the same for the same seed: regions claim names and propose voter sets, exchange entries in causal order over links that
/// are cut and mended, crash, fail to write, and lose their disks. What must never happen is looked for after every step.
/// </summary>
internal sealed class ClaimSchedule
{
    private static readonly string[] Places = ["eu", "us", "asia", "africa", "oceania"];

    private readonly Random _random;
    private readonly List<ClaimRegion> _regions = [];
    private readonly HashSet<(OriginId, OriginId)> _cut = [];
    private readonly int _claimsPerName;
    private readonly bool _losesDisks;
    private int _ids;

    public ClaimSchedule(int seed, bool losesDisks)
    {
        _random = new Random(seed);
        _losesDisks = losesDisks;
        _claimsPerName = 2 + _random.Next(6);
        foreach (var place in Places.Take(2 + _random.Next(4)))
        {
            _regions.Add(new ClaimRegion(place + "-1"));
        }

        // Some clusters start with all their voters, so that the first rounds are as hard as the later ones.
        var founder = _regions[0];
        founder.Found([.. _random.Next(2) == 0 ? [founder.Origin] : _regions.Select(r => r.Origin)]);
        Watch = new ClaimWatch(_regions);
        foreach (var region in _regions)
        {
            region.Take(founder);
        }
    }

    public ClaimWatch Watch { get; }

    public IReadOnlyList<ClaimRegion> Regions => _regions;

    private List<ClaimRegion> Alive => _regions.FindAll(r => r.IsAlive);

    public void Run(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            Step();
            Watch.Look();
        }
    }

    /// <summary>All links work, nobody crashes any more, and whoever runs the regions does what the documents tell: lost voters are replaced.</summary>
    public void Heal()
    {
        _cut.Clear();
        Exchange();
        for (var round = 0; round < 8; round++)
        {
            var alive = Alive;
            var sets = alive[0].Sets!; // Everyone has the founder's entries.
            if (sets.Current.Voters.All(v => alive.Exists(r => r.Origin == v)))
            {
                return;
            }

            alive[0].Propose(NewId(), [.. alive.Select(r => r.Origin)]);
            Exchange();
        }
    }

    private void Step()
    {
        var region = Pick(Alive);
        region.Wall += _random.Next(5) == 0 ? _random.Next(-2_000_000, 2_000_000) : 1;
        switch (_random.Next(40))
        {
            case < 17:
                Exchange(region);
                break;
            case < 27:
                region.Apply(NextClaim(region));
                break;
            case < 31:
                region.Apply(NextProposal(region));
                break;
            case < 34:
                _cut.Add(Link(region, Pick(_regions)));
                break;
            case < 35:
                _cut.Clear();
                break;
            case < 37:
                region.Crash();
                region.ConsiderAll();
                break;
            case < 39:
                if (NextCommand(region) is { } command)
                {
                    Fail(region, command);
                }

                break;
            default:
                if (_losesDisks && _random.Next(2) == 0)
                {
                    region.Apply(new Command.TakeIncarnation(NewOrigin(region)));
                }
                else
                {
                    LoseDisk(region);
                }

                break;
        }
    }

    private void Fail(ClaimRegion region, Command command)
    {
        if (_random.Next(2) == 0)
        {
            region.ApplyInVain(command);
            return;
        }

        region.ApplyAndCrash(command, durable: _random.Next(3));
        if (_random.Next(2) == 0)
        {
            region.ConsiderAll();
        }
    }

    private void LoseDisk(ClaimRegion region)
    {
        // Someone must be left who has the past.
        if (!_losesDisks || Alive.Count < 2 || _regions.Count > 6 || Alive.Exists(r => r != region && r.Sets is null))
        {
            return;
        }

        region.IsAlive = false;
        var next = new ClaimRegion(NewOrigin(region).Value);
        _regions.Add(next);
        next.Take(Pick(Alive.FindAll(r => r != next)));
    }

    private void Exchange(ClaimRegion region)
    {
        var other = Pick(Alive);
        if (!_cut.Contains(Link(region, other)))
        {
            region.Take(other, _random.Next(2) == 0 ? int.MaxValue : 1 + _random.Next(8));
        }
    }

    private void Exchange()
    {
        var alive = Alive;
        foreach (var region in alive.Where(r => r.HasForgotten))
        {
            region.ConsiderAll();
        }

        while (alive.Sum(region => alive.Sum(other => region.Take(other))) > 0)
        {
            Watch.Look();
        }
    }

    private Command? NextCommand(ClaimRegion region)
    {
        switch (_random.Next(3))
        {
            case 0:
                return NextClaim(region);
            case 1:
                return NextProposal(region);
            default:
                var next = Pick(Alive).Ledger.Find(e => region.Seen[e.Origin] < e.Seq);
                return next is null ? null : new Command.Receive(next);
        }
    }

    /// <summary>A name that others claim at about the same time, too.</summary>
    private Command.Claim NextClaim(ClaimRegion region) =>
        new($"_accounts.name{(_ids / _claimsPerName) + _random.Next(2)}", region.Origin.Value, NewId(), "{}"u8.ToArray());

    private Command NextProposal(ClaimRegion region)
    {
        if (region.Sets is not { } sets)
        {
            return NextClaim(region);
        }

        var alive = Alive;
        var voters = alive.FindAll(_ => _random.Next(3) > 0).DefaultIfEmpty(region).Select(r => r.Origin);
        var version = sets.Current.Version + 1;
        return new Command.Claim(ClaimChannels.OfVoterSet(version), "operator", NewId(), VoterSet.Of(version, voters).ToJson());
    }

    private OriginId NewOrigin(ClaimRegion region) => new($"{region.Origin.Value.Split('-')[0]}-{NewId()}");

    private string NewId() => string.Create(CultureInfo.InvariantCulture, $"c{++_ids}");

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    private static (OriginId, OriginId) Link(ClaimRegion one, ClaimRegion other) =>
        one.Origin.CompareTo(other.Origin) < 0 ? (one.Origin, other.Origin) : (other.Origin, one.Origin);
}
