using System.Collections.Immutable;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Where each origin's order stands in a replica. One owner.</summary>
internal sealed class Origins
{
    private readonly Dictionary<string, OriginProgress> _byName = [];
    private readonly Dictionary<string, OriginProgress>.AlternateLookup<ReadOnlySpan<char>> _byChars;
    // The origins, other than the own one, that went on since the vector was brought up to them: a vector for each entry would cost more than the entry.
    private readonly List<OriginProgress> _moved = [];
    private VersionVector? _others;
    private VersionVector _seen;

    // Most entries are of the origin of the one before, and its name is the same object.
    private OriginProgress? _last;

    public Origins(OriginId self, ReplicaMark mark)
    {
        _byChars = _byName.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var (origin, seq) in mark.Seen.Components)
        {
            var ahead = mark.Ahead.GetValueOrDefault(origin);
            _byName.Add(origin.Value, new OriginProgress(origin)
            {
                Seq = seq,
                Chain = mark.Chains.GetValueOrDefault(origin),
                AheadSeqFirst = ahead.SeqFirst,
                AheadTime = ahead.Time,
            });
        }

        AheadCount = mark.Ahead.Count;
        _seen = mark.Seen;
        Self = Of(self);
    }

    /// <summary>The region's own origin.</summary>
    public OriginProgress Self { get; private set; }

    /// <summary>How many origins have times that do not drive the clock.</summary>
    public int AheadCount { get; private set; }

    /// <summary>What was applied, without the own origin.</summary>
    public VersionVector Others => _others ??= Seen.Without(Self.Id);

    /// <summary>What was applied.</summary>
    public VersionVector Seen => SeenAtLeast[Self.Id] == Self.Seq ? _seen : _seen = _seen.With(Self.Id, Self.Seq);

    /// <summary>What was applied of the others, and of the own origin at least what there was when it was last asked for.</summary>
    public VersionVector SeenAtLeast
    {
        get
        {
            foreach (var progress in _moved)
            {
                _seen = _seen.With(progress.Id, progress.Seq);
                progress.IsMoved = false;
            }

            _moved.Clear();
            return _seen;
        }
    }

    /// <summary>The progress of an origin, known or new.</summary>
    /// <param name="origin">The origin, in UTF-8, valid.</param>
    public OriginProgress Of(ReadOnlySpan<byte> origin)
    {
        Span<char> chars = stackalloc char[OriginId.LengthMax];
        var name = chars[..Encoding.ASCII.GetChars(origin, chars)];
        return _byChars.TryGetValue(name, out var progress) ? progress : Of(new OriginId(name.ToString()));
    }

    /// <inheritdoc cref="Of(ReadOnlySpan{byte})"/>
    public OriginProgress Of(OriginId origin)
    {
        if (_last is not null && ReferenceEquals(_last.Id.Value, origin.Value))
        {
            return _last;
        }

        if (!_byName.TryGetValue(origin.Value, out var progress))
        {
            progress = new OriginProgress(origin);
            _byName.Add(origin.Value, progress);
        }

        return _last = progress;
    }

    /// <summary>Whether everything in a vector was applied.</summary>
    /// <param name="vector">The vector.</param>
    public bool Cover(VersionVector vector)
    {
        foreach (var (origin, seq) in vector.Components)
        {
            if (!_byName.TryGetValue(origin.Value, out var progress) || progress.Seq < seq)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>An origin of which something must be applied before an entry; null when nothing is missing.</summary>
    /// <param name="origin">The entry's origin.</param>
    /// <param name="seq">Its number.</param>
    /// <param name="after">What it depends on.</param>
    public OriginId? FirstMissing(OriginId origin, long seq, VersionVector after)
    {
        if (seq > Of(origin).Seq + 1)
        {
            return origin;
        }

        foreach (var (other, needed) in after.Components)
        {
            if (!_byName.TryGetValue(other.Value, out var progress) || progress.Seq < needed)
            {
                return other;
            }
        }

        return null;
    }

    /// <summary>From now on the region numbers its entries under another origin.</summary>
    /// <param name="self">An origin that nobody has used.</param>
    public void TakeSelf(OriginId self)
    {
        _seen = Seen; // With all that was made under the old one.
        _others = null;
        Self = Of(self);
    }

    /// <summary>Goes on to an origin's next entry.</summary>
    public void Advance(OriginProgress progress, ulong chain, long lamport, long time)
    {
        progress.Seq++;
        progress.Chain = chain;
        progress.Lamport = lamport;
        progress.Time = time;
        if (progress != Self && !progress.IsMoved)
        {
            progress.IsMoved = true;
            _moved.Add(progress);
            _others = null;
        }
    }

    /// <summary>Notes that the entry just applied has a time that does not drive the clock.</summary>
    public void KeepAhead(OriginProgress progress)
    {
        if (progress.AheadSeqFirst == 0)
        {
            progress.AheadSeqFirst = progress.Seq;
            AheadCount++;
        }

        progress.AheadTime = progress.Time;
    }

    /// <summary>Gives up those times that are within <paramref name="timeMax"/> by now, and says the greatest of them.</summary>
    /// <param name="timeMax">Microseconds since 1970.</param>
    /// <returns>0 when there is none.</returns>
    public long TakeAhead(long timeMax)
    {
        long greatest = 0;
        foreach (var progress in _byName.Values)
        {
            if (progress.AheadSeqFirst != 0 && progress.AheadTime <= timeMax)
            {
                greatest = Math.Max(greatest, progress.AheadTime);
                progress.AheadSeqFirst = 0;
                progress.AheadTime = 0;
                AheadCount--;
            }
        }

        return greatest;
    }

    /// <summary>The greatest time among what a vector covers that does not drive the clock; 0 when there is none.</summary>
    /// <param name="vector">What an entry depends on.</param>
    public long AheadTimeIn(VersionVector vector)
    {
        long greatest = 0;
        foreach (var (origin, seq) in vector.Components)
        {
            var progress = Of(origin);
            if (progress.AheadSeqFirst != 0 && seq >= progress.AheadSeqFirst)
            {
                greatest = Math.Max(greatest, progress.AheadTime);
            }
        }

        return greatest;
    }

    /// <summary>Where all of them stand.</summary>
    public ReplicaMark Mark(long lamport, long time)
    {
        var chains = ImmutableSortedDictionary.CreateBuilder<OriginId, ulong>();
        var ahead = ImmutableSortedDictionary<OriginId, AheadOfClock>.Empty;
        foreach (var progress in _byName.Values)
        {
            if (progress.Seq > 0)
            {
                chains.Add(progress.Id, progress.Chain);
            }

            if (progress.AheadSeqFirst != 0)
            {
                ahead = ahead.Add(progress.Id, new AheadOfClock(progress.AheadSeqFirst, progress.AheadTime));
            }
        }

        return new ReplicaMark(Seen, lamport, time, chains.ToImmutable()) { Ahead = ahead };
    }
}

/// <summary>Where one origin's order stands in a replica.</summary>
/// <param name="id">The origin.</param>
internal sealed class OriginProgress(OriginId id)
{
    /// <summary>The origin.</summary>
    public OriginId Id { get; } = id;

    /// <summary>The number of its last applied entry; 0 before the first.</summary>
    public long Seq { get; set; }

    /// <summary>That entry's chain.</summary>
    public ulong Chain { get; set; }

    /// <summary>That entry's Lamport clock; 0 when it was applied before this process started.</summary>
    public long Lamport { get; set; }

    /// <summary>That entry's time; 0 when it was applied before this process started.</summary>
    public long Time { get; set; }

    /// <summary>Whether it went on since the vector of what was applied was brought up to it.</summary>
    public bool IsMoved { get; set; }

    /// <summary>The number from which on its times do not drive the clock; 0 when all do.</summary>
    public long AheadSeqFirst { get; set; }

    /// <summary>The greatest of these times.</summary>
    public long AheadTime { get; set; }
}
