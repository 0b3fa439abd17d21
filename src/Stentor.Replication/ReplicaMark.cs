using System.Buffers;
using System.Collections.Immutable;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Where a replica stands: enough, together with the states, to go on from there.</summary>
/// <param name="Seen">What it has applied.</param>
/// <param name="Lamport">The greatest Lamport clock it has seen.</param>
/// <param name="Time">The greatest time that drives its hybrid clock, microseconds since 1970.</param>
/// <param name="Chains">The chain of each origin's last applied entry.</param>
public sealed record ReplicaMark(VersionVector Seen, long Lamport, long Time, ImmutableSortedDictionary<OriginId, ulong> Chains)
{
    private const byte Format = 1;

    /// <summary>Before the first entry.</summary>
    public static ReplicaMark Start { get; } = new(VersionVector.Empty, 0, 0, ImmutableSortedDictionary<OriginId, ulong>.Empty);

    /// <summary>Origins whose newest times do not drive the clock, since they lie too far ahead of it. Usually empty.</summary>
    public ImmutableSortedDictionary<OriginId, AheadOfClock> Ahead { get; init; } = ImmutableSortedDictionary<OriginId, AheadOfClock>.Empty;

    /// <summary>Writes everything, for the store. Starts with a format byte; one mark has one form.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Serialize(IBufferWriter<byte> writer)
    {
        var mark = new StateWriter(writer);
        mark.Byte(Format);
        mark.Number(Lamport);
        mark.Number(Time);
        mark.Number(Seen.Count);
        foreach (var (origin, seq) in Seen.Components)
        {
            var ahead = Ahead.GetValueOrDefault(origin);
            mark.Text(origin.Value);
            mark.Number(seq);
            mark.Check(Chains.GetValueOrDefault(origin));
            mark.Number(ahead.SeqFirst);
            mark.Number(ahead.Time);
        }
    }

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <param name="bytes">All of it.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static ReplicaMark Deserialize(ReadOnlySpan<byte> bytes)
    {
        var mark = new StateReader(bytes);
        var format = mark.Byte();
        if (format != Format)
        {
            throw new FormatException($"A replica's mark has format {format}; this program reads {Format}.");
        }

        var lamport = mark.Number();
        var time = mark.Number();
        var seen = new List<KeyValuePair<OriginId, long>>();
        var chains = ImmutableSortedDictionary.CreateBuilder<OriginId, ulong>();
        var ahead = ImmutableSortedDictionary.CreateBuilder<OriginId, AheadOfClock>();
        for (var rest = mark.Count(); rest > 0; rest--)
        {
            var origin = new OriginId(mark.Text());
            seen.Add(new(origin, mark.Number()));
            chains[origin] = mark.Check();
            var aheadOfClock = new AheadOfClock(mark.Number(), mark.Number());
            if (aheadOfClock.SeqFirst != 0)
            {
                ahead[origin] = aheadOfClock;
            }
        }

        mark.End();
        try
        {
            return new ReplicaMark(VersionVector.Of(seen), lamport, time, chains.ToImmutable()) { Ahead = ahead.ToImmutable() };
        }
        catch (ArgumentException e)
        {
            throw new FormatException("A replica's mark names an origin twice.", e);
        }
    }
}

/// <summary>Entries of one origin whose times lie ahead of the clock by more than the allowed skew.</summary>
/// <param name="SeqFirst">The first such entry's number.</param>
/// <param name="Time">The last such entry's time, microseconds since 1970.</param>
public readonly record struct AheadOfClock(long SeqFirst, long Time);
