using Microsoft.Extensions.Logging;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>
/// Looks after the cluster for this region, every second: founds it, says that the region is there, proposes new voters, and has the replica vote on names
/// that it does not remember.
/// </summary>
internal sealed class ClusterKeeper : IAsyncDisposable
{
    /// <summary>Time between two looks. 1 s: a region that joins is a voter soon, and a look costs less than a millisecond.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How much longer than the voter before it in rank a voter waits before it proposes. 5 s: longer than a proposal takes to arrive, so that one is enough.</summary>
    public static readonly TimeSpan RankDelay = TimeSpan.FromSeconds(5);

    // Channels looked through at a time, so that the states are not held up.
    private const int PageMax = 1_000;

    private static readonly ChannelPattern AllNames = ChannelPattern.Parse("_accounts.>");

    private readonly StentorNode _node;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly long _started;
    private Task _look = Task.CompletedTask;
    private (int Version, long Entries) _walked;
    private string? _saidBefore;
    private OriginId? _warnedOf;
    private int _version;
    private long? _wantedSince;

    public ClusterKeeper(StentorNode node, ILogger log)
    {
        (_node, _log) = (node, log);
        _started = node.Time.GetTimestamp();
        _timer = node.Time.CreateTimer(static keeper => ((ClusterKeeper)keeper!).OnTime(), this, TimeSpan.Zero, Interval);
    }

    /// <summary>The last look, when it is done.</summary>
    public Task Looked
    {
        get
        {
            lock (_gate)
            {
                return _look;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await _stopping.CancelAsync();
        await Looked;
        _stopping.Dispose();
    }

    private void OnTime()
    {
        lock (_gate)
        {
            if (_look.IsCompleted && !_stopping.IsCancellationRequested)
            {
                _look = Task.Run(LookSafelyAsync);
            }
        }
    }

    private async Task LookSafelyAsync()
    {
        try
        {
            await LookAsync(_stopping.Token);
            _saidBefore = null;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            // A disk that does not read, or a fault of ours: the next look is as good as a restart. It is said once, until something else is the matter.
            if (e.Message != _saidBefore)
            {
                ClusterLog.LookFailed(_log, e.Message);
                _saidBefore = e.Message;
            }
        }
    }

    /// <summary>
    /// Whether this region's ledger may lack entries of its own that others have: then nothing is said under its origin, least of all a vote, until a neighbour
    /// has compared, or none has come for so long that waiting is of no use.
    /// </summary>
    public bool MayBeAnOldCopy => _node.Options.Links.Count > 0 && _node.Links is { IsCompared: false } && _node.Time.GetElapsedTime(_started) < _node.Options.CompareWait;

    /// <summary>Whether it has all that its first neighbour had; a founder has nothing to wait for.</summary>
    private bool HasJoined => !_node.Options.JoinsCluster || (_node.Links?.FirstNeighbourSeen is { } seen && _node.Seen.Covers(seen));

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (MayBeAnOldCopy)
        {
            return;
        }

        var cluster = _node.Cluster;
        if (cluster.Sets is null && !_node.Options.JoinsCluster)
        {
            await cluster.FoundAsync(cancellationToken);
        }

        if (cluster.Sets is not { } sets)
        {
            return;
        }

        if (HasJoined && cluster.FindRegion(_node.Store.Origin) is not { HasLeft: true })
        {
            await cluster.AnnounceAsync(cancellationToken);
            WarnOfLostVoter(sets);
        }

        if (sets.Current.Version != _version)
        {
            _version = sets.Current.Version;
            ClusterLog.VotersChanged(_log, sets.Current.ToString(), _version);
        }

        await WalkAsync(sets, cancellationToken);
        await ProposeAsync(sets, cancellationToken);
    }

    /// <summary>Says, once for each, that this region's vote is still with an origin that it had before.</summary>
    private void WarnOfLostVoter(VoterSets sets)
    {
        var self = _node.Store.Origin;
        var lost = sets.Current.Contains(self) ? null
            : _node.Cluster.Regions.FirstOrDefault(r => r.Region == _node.Options.Region && r.Origin != self && !r.HasLeft && sets.Current.Contains(r.Origin));
        if (lost is not null && lost.Origin != _warnedOf)
        {
            _warnedOf = lost.Origin;
            ClusterLog.VoterLost(_log, lost.Region, lost.Origin.Value, self.Value);
        }
    }

    /// <summary>
    /// Has the replica look at every name on which this region may vote and has not: after a start, when the replica remembers none, and after each change of
    /// the voter set, in case there were more than it can remember. Again, until there is none: what a failing disk refused is not forgotten.
    /// </summary>
    private async Task WalkAsync(VoterSets sets, CancellationToken cancellationToken)
    {
        // A voter may also close an old version late, and so free a name that waited for it.
        var now = (sets.Current.Version, sets.All.Sum(set => _node.Store.Find(ClaimChannels.OfVoterSet(set.Version + 1))?.Version ?? 0));
        if (now == _walked)
        {
            return;
        }

        var self = _node.Store.Origin;
        var isDone = true;
        foreach (var set in sets.All)
        {
            isDone &= !await ConsiderAsync(ClaimChannels.OfVoterSet(set.Version + 1));
        }

        var last = "";
        while (sets.Current.Contains(self))
        {
            var page = _node.Store.List(AllNames, last, PageMax);
            foreach (var (channel, _) in page)
            {
                isDone &= !await ConsiderAsync(channel);
            }

            if (page.Count < PageMax)
            {
                break;
            }

            last = page[^1].Key;
        }

        if (isDone)
        {
            _walked = now;
        }

        async ValueTask<bool> ConsiderAsync(string channel)
        {
            if (!sets.MayVote(channel, _node.Store.Find(channel), self))
            {
                return false;
            }

            while (!_node.TrySubmit([new Command.Consider(channel)]))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_node.IsStopping)
                {
                    throw new OperationCanceledException("The node stops.");
                }

                await _node.WaitForRoomAsync(cancellationToken);
            }

            return true;
        }
    }

    /// <summary>Proposes the voters that there should be, unless a voter of lower rank has done so in time.</summary>
    private async Task ProposeAsync(VoterSets sets, CancellationToken cancellationToken)
    {
        var rank = sets.Current.RankOf(_node.Store.Origin);
        var next = ClaimChannels.OfVoterSet(sets.Current.Version + 1);
        if (rank < 0 || ClaimState.Read(next, _node.Store.Find(next)).Claims.Count > 0 || VotersWanted(sets) is not { } voters)
        {
            _wantedSince = null;
            return;
        }

        _wantedSince ??= _node.Time.GetTimestamp();
        if (_node.Time.GetElapsedTime(_wantedSince.Value) < RankDelay * rank)
        {
            return;
        }

        // Nobody waits for it: once it is made, every voter that has it votes for it.
        _wantedSince = null;
        var set = VoterSet.Of(sets.Current.Version + 1, voters);
        var outcome = await _node.ClaimAsync(next, Accounts.Operator, Cluster.NewId(), set.ToJson(), cancellationToken);
        if (outcome.Refusal is null)
        {
            ClusterLog.Proposed(_log, set.ToString(), set.Version);
        }
    }

    /// <summary>
    /// The voters without those that left, and with the regions that wish to vote and never did, as long as there is room. A voter that was taken out does not
    /// come back by itself; nor does a region that was there under another origin, and lost its disk: it would vote besides the origin that never will again, and
    /// after some lost disks nobody would be a majority. Only an operator knows that one is to stand for the other.
    /// </summary>
    /// <returns>Null when nothing should change.</returns>
    private OriginId[]? VotersWanted(VoterSets sets)
    {
        var regions = _node.Cluster.Regions;
        var left = regions.Where(r => r.HasLeft).Select(r => r.Origin).ToHashSet();
        var stay = sets.Current.Voters.Where(v => !left.Contains(v)).ToList();
        var origins = regions.Where(r => !r.HasLeft).CountBy(r => r.Region).ToDictionary();
        var come = regions.Where(r => r.WishesVote && !r.HasLeft && origins[r.Region] == 1 && !sets.All.Any(s => s.Contains(r.Origin))).Select(r => r.Origin);
        OriginId[] wanted = [.. stay.Concat(come.Take(VoterSet.VotersMax - stay.Count))];
        return wanted.Length == 0 || VoterSet.Of(0, wanted).ToString() == sets.Current.ToString() ? null : wanted;
    }
}
