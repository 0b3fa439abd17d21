using System.Buffers.Binary;
using System.Net;
using System.Text;
using Stentor.Load.Net;
using Stentor.Protocol;

namespace Stentor.Load.Clients;

/// <summary>
/// Records that end with a separator, on plain TCP or in WebSocket messages (RFC 6455), where the end of a message ends a record too.
/// </summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
/// <param name="separator">The byte after each record.</param>
/// <param name="webSocketPath">The path to upgrade on; null for plain TCP.</param>
internal abstract class RecordConnection(IPEndPoint server, Tally tally, byte separator, string? webSocketPath) : Connection(server, tally)
{
    /// <summary>A client's frames carry a mask; the zero mask leaves the payload as it is.</summary>
    private const int MaskBytes = 4;

    private readonly ByteBuffer _record = new(256);
    private bool _isUpgraded = webSocketPath is null;
    private long _payloadLeft;
    private bool _isLastOfMessage;
    private byte[]? _partial;

    /// <inheritdoc/>
    public override void Start()
    {
        if (webSocketPath is null)
        {
            OnOpen();
            return;
        }

        Output.Write(Encoding.ASCII.GetBytes(
            $"GET {webSocketPath} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    }

    /// <inheritdoc/>
    public override int Consume(ReadOnlySpan<byte> input)
    {
        if (webSocketPath is null)
        {
            return ConsumeRecords(input);
        }

        if (_isUpgraded)
        {
            return ConsumeFrames(input);
        }

        var end = input.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return 0;
        }

        if (!input.StartsWith("HTTP/1.1 101"u8))
        {
            Fail($"No WebSocket: {Excerpt(input)}");
            return input.Length;
        }

        _isUpgraded = true;
        OnOpen();
        return end + 4 + ConsumeFrames(input[(end + 4)..]);
    }

    /// <summary>Called when words can be sent.</summary>
    protected abstract void OnOpen();

    /// <summary>Called for every record, without its separator.</summary>
    protected abstract void OnRecord(ReadOnlySpan<byte> record);

    /// <summary>Where the next record is written; <see cref="EndRecord"/> sends it on its way.</summary>
    protected ByteBuffer BeginRecord()
    {
        if (webSocketPath is null)
        {
            return Output;
        }

        _record.Clear();
        return _record;
    }

    /// <summary>Ends the record begun by <see cref="BeginRecord"/>.</summary>
    protected void EndRecord()
    {
        if (webSocketPath is null)
        {
            Output.Write([separator]);
            return;
        }

        _record.Write([separator]);
        WriteFrame(0x1, _record.WrittenSpan);
    }

    /// <summary>Sends one short record.</summary>
    protected void SendRecord(string record)
    {
        BeginRecord().Write(Encoding.UTF8.GetBytes(record));
        EndRecord();
    }

    private void WriteFrame(int operation, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[10 + MaskBytes];
        header.Clear();
        header[0] = (byte)(0x80 | operation);
        int length;
        if (payload.Length < 126)
        {
            header[1] = (byte)(0x80 | payload.Length);
            length = 2;
        }
        else if (payload.Length <= ushort.MaxValue)
        {
            header[1] = 0x80 | 126;
            BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)payload.Length);
            length = 4;
        }
        else
        {
            header[1] = 0x80 | 127;
            BinaryPrimitives.WriteUInt64BigEndian(header[2..], (ulong)payload.Length);
            length = 10;
        }

        Output.Write(header[..(length + MaskBytes)]);
        Output.Write(payload);
    }

    private int ConsumeRecords(ReadOnlySpan<byte> input)
    {
        var rest = input;
        for (int end; (end = rest.IndexOf(separator)) >= 0; rest = rest[(end + 1)..])
        {
            OnRecord(rest[..end]);
        }

        return input.Length - rest.Length;
    }

    private int ConsumeFrames(ReadOnlySpan<byte> input)
    {
        var consumed = 0;
        while (true)
        {
            if (_payloadLeft == 0)
            {
                var header = ReadHeader(input[consumed..]);
                if (header == 0)
                {
                    return consumed;
                }

                consumed += header;
                if (_payloadLeft == 0)
                {
                    continue;
                }
            }

            var part = input[consumed..];
            if (part.Length >= _payloadLeft)
            {
                part = part[..(int)_payloadLeft];
            }

            var taken = ConsumeInMessage(part);
            if (part.Length < _payloadLeft)
            {
                _payloadLeft -= taken;
                return consumed + taken;
            }

            // The frame ends here: what stands after the last separator ends with the message, or goes on in the next fragment.
            var tail = part[taken..];
            if (_isLastOfMessage && (tail.Length > 0 || _partial is not null))
            {
                EndPartial(tail);
            }
            else if (tail.Length > 0)
            {
                _partial = [.. _partial ?? [], .. tail];
            }

            consumed += part.Length;
            _payloadLeft = 0;
        }
    }

    private int ConsumeInMessage(ReadOnlySpan<byte> part)
    {
        if (_partial is null)
        {
            return ConsumeRecords(part);
        }

        var end = part.IndexOf(separator);
        if (end < 0)
        {
            return 0;
        }

        EndPartial(part[..end]);
        return end + 1 + ConsumeRecords(part[(end + 1)..]);
    }

    private void EndPartial(ReadOnlySpan<byte> tail)
    {
        if (_partial is null)
        {
            OnRecord(tail);
            return;
        }

        byte[] whole = [.. _partial, .. tail];
        _partial = null;
        OnRecord(whole);
    }

    /// <summary>Reads a frame's header; a control frame is consumed whole.</summary>
    /// <returns>Bytes consumed; 0 when more are needed.</returns>
    private int ReadHeader(ReadOnlySpan<byte> input)
    {
        if (input.Length < 2)
        {
            return 0;
        }

        var operation = input[0] & 0xF;
        var length = input[1] & 0x7F;
        var header = length switch { 126 => 4, 127 => 10, _ => 2 };
        if (input.Length < header)
        {
            return 0;
        }

        if (operation < 8)
        {
            _isLastOfMessage = (input[0] & 0x80) != 0;
            _payloadLeft = length switch
            {
                126 => BinaryPrimitives.ReadUInt16BigEndian(input[2..]),
                127 => (long)BinaryPrimitives.ReadUInt64BigEndian(input[2..]),
                _ => length,
            };
            return header;
        }

        if (input.Length < header + length)
        {
            return 0;
        }

        var payload = input.Slice(header, length);
        if (operation == 8)
        {
            Fail($"The server closed a WebSocket: {(length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(payload) : 0)} {Excerpt(payload[Math.Min(2, length)..])}");
        }
        else if (operation == 9)
        {
            WriteFrame(0xA, payload);
        }

        return header + length;
    }
}
