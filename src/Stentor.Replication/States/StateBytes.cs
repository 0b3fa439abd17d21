using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Writes the parts of a state: numbers as LEB128, texts with their length before them.</summary>
/// <param name="writer">Where it goes.</param>
internal readonly ref struct StateWriter(IBufferWriter<byte> writer)
{
    public void Byte(byte value) => writer.Write([value]);

    public void Number(long number)
    {
        var span = writer.GetSpan(10);
        var length = 0;
        for (var rest = (ulong)number; ;)
        {
            var low = (byte)(rest & 0x7F);
            rest >>= 7;
            span[length++] = rest == 0 ? low : (byte)(low | 0x80);
            if (rest == 0)
            {
                break;
            }
        }

        writer.Advance(length);
    }

    public void Text(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Number(length);
        Encoding.UTF8.GetBytes(text, writer.GetSpan(length));
        writer.Advance(length);
    }

    public void Amount(CounterAmount amount)
    {
        BinaryPrimitives.WriteInt128LittleEndian(writer.GetSpan(16), amount.Billionths);
        writer.Advance(16);
    }

    public void Check(ulong checksum)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(writer.GetSpan(8), checksum);
        writer.Advance(8);
    }

    public void Stamp(in Stamp stamp)
    {
        Number(stamp.Time);
        Text(stamp.Origin.Value);
        Number(stamp.Seq);
    }

    public void Changes(FieldChange[] changes)
    {
        Number(changes.Length);
        foreach (var change in changes)
        {
            Change(change);
        }
    }

    public void Change(FieldChange change)
    {
        Byte((byte)change.Kind);
        Stamp(change.Stamp);
        Text(change.Author);
        if (change.Kind == FieldChangeKind.Set)
        {
            Number(change.Value.Length);
            writer.Write(change.Value.Span);
        }
        else if (change.Kind == FieldChangeKind.Add)
        {
            Amount(change.Amount);
        }
    }
}

/// <summary>Reads what <see cref="StateWriter"/> wrote.</summary>
/// <param name="bytes">All of it.</param>
internal ref struct StateReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    // Origins and authors are few and come again and again: one string for each run of them.
    private string _origin = "";
    private string _author = "";

    /// <summary>How many bytes are left.</summary>
    public readonly int Left => _rest.Length;

    public byte Byte() => Take(1)[0];

    public ReadOnlySpan<byte> Bytes(int count) => Take(count);

    public long Number()
    {
        ulong number = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = Byte();
            number |= (ulong)(next & 0x7F) << shift;
            if ((next & 0x80) == 0)
            {
                return (long)number;
            }
        }

        throw new FormatException("A number in it is too long.");
    }

    public int Count() => Number() is var count && count <= _rest.Length ? (int)count : throw Cut();

    public string Text() => Encoding.UTF8.GetString(Take(Count()));

    public CounterAmount Amount() => new(BinaryPrimitives.ReadInt128LittleEndian(Take(16)));

    public ulong Check() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public Stamp Stamp() => new(Number(), new OriginId(Same(ref _origin)), Number());

    public FieldChange[] Changes()
    {
        var changes = Count() is var count and > 0 ? new FieldChange[count] : [];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = Change();
        }

        return changes;
    }

    public FieldChange Change()
    {
        var kind = (FieldChangeKind)Byte();
        var stamp = Stamp();
        var author = Same(ref _author);
        return kind switch
        {
            FieldChangeKind.Set => new FieldChange(kind, stamp, author, Take(Count()).ToArray(), default),
            FieldChangeKind.Remove => new FieldChange(kind, stamp, author, default, default),
            FieldChangeKind.Add => new FieldChange(kind, stamp, author, default, Amount()),
            _ => throw new FormatException($"It has a change of the unknown kind {kind}."),
        };
    }

    public readonly void End()
    {
        if (!_rest.IsEmpty)
        {
            throw new FormatException($"It has {_rest.Length} bytes too many.");
        }
    }

    private string Same(ref string previous)
    {
        var taken = Take(Count());
        if (!Ascii.Equals(taken, previous))
        {
            previous = Encoding.UTF8.GetString(taken);
        }

        return previous;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            throw Cut();
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private static FormatException Cut() => new("It ends before it is complete.");
}
