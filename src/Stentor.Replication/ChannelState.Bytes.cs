using System.Buffers;
using System.Diagnostics;

namespace Stentor.Replication;

/// <content>The form in which the store keeps a state (docs/state.md, "Bytes"). One state has one form.</content>
public sealed partial class ChannelState
{
    private const byte Format = 1;

    /// <summary>Writes everything, for the store. Starts with a format byte.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Serialize(IBufferWriter<byte> writer)
    {
        Debug.Assert(FieldBytes == Fields.Sum(f => FieldState.NameBytes(f.Key) + f.Value.ValueBytes), $"{FieldBytes} bytes were counted");
        var state = new StateWriter(writer);
        state.Byte(Format);
        state.Number(Version);
        state.Stamp(new Stamp(LastTime, LastOrigin, LastSeq));
        state.Number(LastLamport);
        state.Number(Fields.Count);
        foreach (var (name, field) in Fields)
        {
            state.Text(name);
            state.Changes(field.Register is null ? [] : [field.Register]);
            state.Changes(field.Siblings);
            state.Changes(field.Adders);
            state.Amount(field.Sum);
        }

        state.Number(Conflicts.Length);
        foreach (var conflict in Conflicts)
        {
            state.Text(conflict.Field);
            state.Change(conflict.Lost);
            state.Change(conflict.Winner);
        }
    }

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <param name="bytes">All of it; copied where it is kept.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static ChannelState Deserialize(ReadOnlySpan<byte> bytes)
    {
        var state = new StateReader(bytes);
        var format = state.Byte();
        if (format != Format)
        {
            throw new FormatException($"A channel's state has format {format}; this program reads {Format}.");
        }

        var version = state.Number();
        var last = state.Stamp();
        var lamport = state.Number();
        var fields = NoFields;
        long fieldBytes = 0;
        var count = state.Count();
        if (count > 0)
        {
            var builder = NoFields.ToBuilder();
            for (var i = 0; i < count; i++)
            {
                var name = state.Text();
                var register = state.Changes();
                var field = new FieldState(register.Length > 0 ? register[0] : null, state.Changes(), state.Changes(), state.Amount());
                builder[name] = field;
                fieldBytes += FieldState.NameBytes(name) + field.ValueBytes;
            }

            fields = builder.ToImmutable();
        }

        var conflicts = state.Count() is var lost and > 0 ? new Conflict[lost] : [];
        for (var i = 0; i < conflicts.Length; i++)
        {
            conflicts[i] = new Conflict(state.Text(), state.Change(), state.Change());
        }

        state.End();
        return new ChannelState
        {
            Version = version,
            LastOrigin = last.Origin,
            LastSeq = last.Seq,
            LastLamport = lamport,
            LastTime = last.Time,
            Fields = fields,
            FieldBytes = fieldBytes,
            Conflicts = conflicts,
        };
    }
}
