using System.Buffers;
using System.Buffers.Binary;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>What a client's WebSocket frames carried.</summary>
internal enum WebSocketEvent
{
    /// <summary>More bytes are needed.</summary>
    None,

    /// <summary>A part of a text message's payload was added to the text.</summary>
    Text,

    /// <summary>A ping; its payload is in <see cref="WebSocketDecoder.Control"/>.</summary>
    Ping,

    /// <summary>A pong.</summary>
    Pong,

    /// <summary>The other side closes; code and reason are in <see cref="WebSocketDecoder.Control"/>.</summary>
    Close,

    /// <summary>RFC 6455 is broken; <see cref="WebSocketDecoder.Fault"/> says how.</summary>
    Broken,

    /// <summary>A binary message, which nothing here takes.</summary>
    Binary,
}

/// <summary>
/// Takes client frames (RFC 6455, section 5.2) apart as they arrive: masked, in any fragments, control frames between them. Payload is passed on as it
/// comes, never gathered, so whatever length a frame claims costs nothing. One owner.
/// </summary>
internal sealed class WebSocketDecoder
{
    private const int Continuation = 0;
    private const int Text = 1;
    private const int BinaryData = 2;
    private const int CloseFrame = 8;
    private const int PingFrame = 9;
    private const int PongFrame = 10;

    private long _length;
    private long _offset;
    private uint _mask;
    private int _opcode;
    private bool _isFinal;
    private bool _isInFrame;
    private bool _isInMessage;

    /// <summary>The payload of the last control frame.</summary>
    public byte[] Control { get; private set; } = [];

    /// <summary>How the rules were broken.</summary>
    public string Fault { get; private set; } = "";

    /// <summary>Goes on with what arrived.</summary>
    /// <param name="buffer">What arrived; what was used is cut off its front.</param>
    /// <param name="text">Receives payload, and a line feed after each message.</param>
    public WebSocketEvent Read(ref ReadOnlySequence<byte> buffer, ByteBuffer text)
    {
        if (!_isInFrame)
        {
            var next = ReadHeader(ref buffer);
            if (next is not null)
            {
                return next.Value;
            }
        }

        return _opcode >= CloseFrame ? ReadControl(ref buffer) : ReadText(ref buffer, text);
    }

    /// <summary>Reads a header; null when there is one, and its payload follows.</summary>
    private WebSocketEvent? ReadHeader(ref ReadOnlySequence<byte> buffer)
    {
        Span<byte> header = stackalloc byte[14];
        var available = (int)Math.Min(buffer.Length, header.Length);
        buffer.Slice(0, available).CopyTo(header);
        if (available < 2)
        {
            return WebSocketEvent.None;
        }

        var shortLength = header[1] & 0x7F;
        var maskAt = shortLength switch { 126 => 4, 127 => 10, _ => 2 };
        if (available < maskAt + 4)
        {
            // What can be said already is said now: half a wrong header would wait for ever.
            return Check(header[0], header[1], shortLength) ? WebSocketEvent.None : WebSocketEvent.Broken;
        }

        var length = shortLength switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(header[2..]),
            127 => BinaryPrimitives.ReadUInt64BigEndian(header[2..]),
            _ => (ulong)shortLength,
        };
        if (!Check(header[0], header[1], shortLength))
        {
            return WebSocketEvent.Broken;
        }

        if (length > long.MaxValue || (shortLength == 126 && length < 126) || (shortLength == 127 && length <= ushort.MaxValue))
        {
            return Break("a length is not in its shortest form");
        }

        _opcode = header[0] & 0x0F;
        _isFinal = (header[0] & 0x80) != 0;
        if (_opcode == BinaryData)
        {
            return WebSocketEvent.Binary;
        }

        if (_opcode < CloseFrame && _opcode == Continuation != _isInMessage)
        {
            return Break(_isInMessage ? "a message starts within another" : "a continuation continues nothing");
        }

        _length = (long)length;
        _mask = BinaryPrimitives.ReadUInt32LittleEndian(header[maskAt..]);
        _offset = 0;
        _isInFrame = true;
        _isInMessage |= _opcode == Text;
        buffer = buffer.Slice(maskAt + 4);
        return null;
    }

    private bool Check(byte first, byte second, int shortLength)
    {
        var opcode = first & 0x0F;
        var fault = (first & 0x70) != 0 ? "reserved bits are set"
            : opcode is not (Continuation or Text or BinaryData or CloseFrame or PingFrame or PongFrame) ? $"there is no opcode {opcode}"
            : (second & 0x80) == 0 ? "a frame is not masked"
            : opcode >= CloseFrame && ((first & 0x80) == 0 || shortLength > WebSocketFrames.ControlPayloadMax) ? "a control frame is long or in fragments"
            : null;
        if (fault is not null)
        {
            Break(fault);
        }

        return fault is null;
    }

    private WebSocketEvent ReadControl(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < _length)
        {
            return WebSocketEvent.None;
        }

        Control = buffer.Slice(0, _length).ToArray();
        WebSocketFrames.Unmask(Control, _mask, 0);
        buffer = buffer.Slice(_length);
        _isInFrame = false;
        if (_opcode != CloseFrame)
        {
            return _opcode == PingFrame ? WebSocketEvent.Ping : WebSocketEvent.Pong;
        }

        if (Control.Length == 1)
        {
            return Break("a close frame has half a code");
        }

        if (Control.Length > 2 && !System.Text.Unicode.Utf8.IsValid(Control.AsSpan(2)))
        {
            return Break("the reason of a close frame is not well-formed UTF-8");
        }

        return Control.Length == 0 || IsCloseCode(BinaryPrimitives.ReadUInt16BigEndian(Control)) ? WebSocketEvent.Close : Break("a close frame has a code that is none");
    }

    // Section 7.4: what may stand in a close frame.
    private static bool IsCloseCode(int code) => code is (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999);

    private WebSocketEvent ReadText(ref ReadOnlySequence<byte> buffer, ByteBuffer text)
    {
        var length = (int)Math.Min(_length - _offset, Math.Min(buffer.Length, int.MaxValue / 2));
        if (length > 0)
        {
            var target = text.GetSpan(length + 1)[..length];
            buffer.Slice(0, length).CopyTo(target);
            WebSocketFrames.Unmask(target, _mask, _offset);
            text.Advance(length);
            buffer = buffer.Slice(length);
            _offset += length;
        }

        if (_offset < _length)
        {
            return length > 0 ? WebSocketEvent.Text : WebSocketEvent.None;
        }

        _isInFrame = false;
        if (_isFinal)
        {
            _isInMessage = false;
            text.Write("\n"u8);
        }

        return WebSocketEvent.Text;
    }

    private WebSocketEvent Break(string fault)
    {
        Fault = fault;
        return WebSocketEvent.Broken;
    }
}
