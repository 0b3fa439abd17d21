using System.Buffers.Binary;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Link messages as bytes: CRC32C of what follows (4 bytes, little-endian), a byte that says which message it is, its fields (docs/protocol/links.md).</summary>
internal static class LinkCodec
{
    /// <summary>The version of the protocol.</summary>
    public const int Version = 2;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceBytes = 32;

    /// <summary>Bytes of a proof.</summary>
    public const int MacBytes = 32;

    /// <summary>Longest instance, in bytes. 64: a region's name and what makes it random; whoever remembers many must know how long they are.</summary>
    public const int InstanceBytesMax = 64;

    private const int CheckBytes = 4;

    // What is read is bounded before it is understood: facts about copies are the most, some for each of thousands of origins.
    private const int PartsMax = 131_072;

    private enum Kind : byte
    {
        Hello = 1,
        Proof = 2,
        Announce = 3,
        Entries = 4,
        Prune = 5,
        Graft = 6,
        Bye = 7,
        Notice = 8,
    }

    /// <summary>The bytes of a message other than <see cref="LinkMessage.Entries"/>.</summary>
    /// <param name="message">The message.</param>
    public static byte[] Encode(LinkMessage message)
    {
        var buffer = new ByteBuffer(256);
        Begin(buffer);
        var writer = new StateWriter(buffer);
        switch (message)
        {
            case LinkMessage.Hello hello:
                writer.Byte((byte)Kind.Hello);
                writer.Number(hello.Version);
                writer.Text(hello.Cluster);
                writer.Text(hello.Region);
                writer.Text(hello.Origin.Value);
                writer.Text(hello.Instance);
                buffer.Write(hello.Nonce);
                break;
            case LinkMessage.Proof proof:
                writer.Byte((byte)Kind.Proof);
                buffer.Write(proof.Mac);
                break;
            case LinkMessage.Announce announce:
                writer.Byte((byte)Kind.Announce);
                Vector(writer, announce.Seen);
                writer.Number(announce.Credit);
                writer.Number(announce.Copies.Count);
                foreach (var (origin, holder, seq) in announce.Copies)
                {
                    writer.Text(origin.Value);
                    writer.Text(holder.Value);
                    writer.Number(seq);
                }

                break;
            case LinkMessage.Prune prune:
                writer.Byte((byte)Kind.Prune);
                writer.Number(prune.Origins.Count);
                foreach (var origin in prune.Origins)
                {
                    writer.Text(origin.Value);
                }

                break;
            case LinkMessage.Graft graft:
                writer.Byte((byte)Kind.Graft);
                writer.Number(graft.From.Count);
                foreach (var (origin, seq) in graft.From)
                {
                    writer.Text(origin.Value);
                    writer.Number(seq);
                }

                break;
            case LinkMessage.Bye bye:
                writer.Byte((byte)Kind.Bye);
                writer.Text(bye.Type);
                writer.Text(bye.Detail);
                break;
            case LinkMessage.Notice notice:
                writer.Byte((byte)Kind.Notice);
                writer.Text(notice.Instance);
                writer.Number(notice.Number);
                buffer.Write(notice.Body.Span);
                break;
            default:
                throw new System.Diagnostics.UnreachableException($"{message} is not encoded here.");
        }

        return End(buffer);
    }

    /// <summary>Begins a message of entries; entries follow with <see cref="Add"/>, then <see cref="End"/>.</summary>
    /// <param name="buffer">Where to: emptied first.</param>
    /// <param name="seen">What changed in the sender's version vector.</param>
    public static void BeginEntries(ByteBuffer buffer, VersionVector seen)
    {
        Begin(buffer);
        var writer = new StateWriter(buffer);
        writer.Byte((byte)Kind.Entries);
        Vector(writer, seen);
    }

    /// <summary>Adds an entry to a message of entries.</summary>
    /// <param name="buffer">The message.</param>
    /// <param name="entry">The entry's bytes.</param>
    public static void Add(ByteBuffer buffer, ReadOnlySpan<byte> entry)
    {
        new StateWriter(buffer).Number(entry.Length);
        buffer.Write(entry);
    }

    /// <summary>The finished message.</summary>
    /// <param name="buffer">The message.</param>
    public static byte[] End(ByteBuffer buffer)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(buffer.Length);
        buffer.WrittenSpan.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Checksum.Crc32C(bytes.AsSpan(CheckBytes)));
        return bytes;
    }

    /// <summary>Reads a message.</summary>
    /// <param name="message">All of its bytes; entries and a notice's body stay in their memory.</param>
    /// <exception cref="FormatException">It is damaged, or no message.</exception>
    public static LinkMessage Decode(ReadOnlyMemory<byte> message)
    {
        var bytes = message.Span;
        if (bytes.Length <= CheckBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Checksum.Crc32C(bytes[CheckBytes..]))
        {
            throw new FormatException($"A message of {bytes.Length} bytes does not pass its checksum.");
        }

        var kind = (Kind)bytes[CheckBytes];
        try
        {
            return Decode(kind, message[(CheckBytes + 1)..]);
        }
        catch (FormatException e)
        {
            throw new FormatException($"A message of {bytes.Length} bytes and kind {(byte)kind} is not as it should be. {e.Message}", e);
        }
    }

    private static LinkMessage Decode(Kind kind, ReadOnlyMemory<byte> rest)
    {
        var reader = new StateReader(rest.Span);
        LinkMessage decoded = kind switch
        {
            Kind.Hello => Hello(ref reader, rest.Span),
            Kind.Proof => new LinkMessage.Proof(reader.Bytes(MacBytes).ToArray()),
            Kind.Announce => new LinkMessage.Announce(Vector(ref reader), reader.Number(), Copies(ref reader)),
            Kind.Entries => Entries(ref reader, rest),
            Kind.Prune => new LinkMessage.Prune(Many(ref reader, static (ref StateReader r) => Origin(ref r))),
            Kind.Graft => new LinkMessage.Graft(Many(ref reader, static (ref StateReader r) => new KeyValuePair<OriginId, long>(Origin(ref r), r.Number()))),
            Kind.Bye => new LinkMessage.Bye(reader.Text(), reader.Text()),
            Kind.Notice => Notice(ref reader, rest),
            _ => throw new FormatException("There is no such kind."),
        };
        reader.End();
        return decoded;
    }

    private delegate T Part<out T>(ref StateReader reader);

    private static void Begin(ByteBuffer buffer)
    {
        buffer.Clear();
        buffer.Write([0, 0, 0, 0]);
    }

    private static LinkMessage.Hello Hello(ref StateReader reader, ReadOnlySpan<byte> rest)
    {
        var version = reader.Number();
        if (version != Version)
        {
            // What another version says after its number is its own.
            reader.Bytes(reader.Left);
            return new LinkMessage.Hello(version, "", "", default, "", []);
        }

        return new LinkMessage.Hello(version, reader.Text(), reader.Text(), Origin(ref reader), Instance(ref reader), reader.Bytes(NonceBytes).ToArray());
    }

    private static List<CopyFact> Copies(ref StateReader reader) =>
        Many(ref reader, static (ref StateReader r) => new CopyFact(Origin(ref r), Origin(ref r), r.Number()));

    private static LinkMessage.Entries Entries(ref StateReader reader, ReadOnlyMemory<byte> rest)
    {
        var seen = Vector(ref reader);
        var items = new List<ReadOnlyMemory<byte>>();
        while (reader.Left > 0)
        {
            var length = reader.Count();
            items.Add(rest.Slice(rest.Length - reader.Left, length));
            reader.Bytes(length);
        }

        return new LinkMessage.Entries(seen, items);
    }

    private static LinkMessage.Notice Notice(ref StateReader reader, ReadOnlyMemory<byte> rest)
    {
        var (instance, number) = (Instance(ref reader), reader.Number());
        var body = rest[^reader.Left..];
        if (body.Length > Dissemination.NoticeBodyBytesMax)
        {
            throw new FormatException($"A notice has a body of {body.Length} bytes; the most is {Dissemination.NoticeBodyBytesMax}.");
        }

        reader.Bytes(body.Length);
        return new LinkMessage.Notice(instance, number, body);
    }

    private static List<T> Many<T>(ref StateReader reader, Part<T> part)
    {
        var count = reader.Count();
        if (count > PartsMax)
        {
            throw new FormatException($"It has {count} parts of one kind; {PartsMax} are the most.");
        }

        var list = new List<T>(Math.Min(count, 1024));
        for (; count > 0; count--)
        {
            list.Add(part(ref reader));
        }

        return list;
    }

    private static void Vector(StateWriter writer, VersionVector vector)
    {
        writer.Number(vector.Count);
        foreach (var (origin, seq) in vector.Components)
        {
            writer.Text(origin.Value);
            writer.Number(seq);
        }
    }

    private static VersionVector Vector(ref StateReader reader)
    {
        var components = Many(ref reader, static (ref StateReader r) => new KeyValuePair<OriginId, long>(Origin(ref r), r.Number()));
        try
        {
            return VersionVector.Of(components);
        }
        catch (ArgumentException e)
        {
            throw new FormatException("A version vector names an origin twice.", e);
        }
    }

    private static string Instance(ref StateReader reader)
    {
        var length = reader.Count();
        return length is > 0 and <= InstanceBytesMax
            ? Encoding.UTF8.GetString(reader.Bytes(length))
            : throw new FormatException($"An instance has {length} bytes; it is 1 to {InstanceBytesMax}.");
    }

    private static OriginId Origin(ref StateReader reader)
    {
        var text = reader.Text();
        return OriginId.IsValid(Encoding.UTF8.GetBytes(text)) ? new OriginId(text) : throw new FormatException($"'{Printable.Cut(text)}' is not an origin.");
    }
}
