using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Takes frames out of the text messages of a WebSocket. A message is whole lines: one or several frames, with line feeds between.</summary>
/// <param name="session">Whose they are.</param>
/// <param name="input">The connection.</param>
internal sealed class WebSocketReceiver(FrameSession session, PipeReader input) : IReceiver
{
    private readonly WebSocketDecoder _decoder = new();

    // Text that is not a whole line yet; null when there is none, so that an idle connection holds no memory.
    private ByteBuffer? _partial;

    /// <inheritdoc/>
    public async Task ReceiveAsync()
    {
        while (!session.IsEnding)
        {
            var result = await input.ReadAsync();
            session.OnHeard();
            var buffer = result.Buffer;
            if (result.IsCanceled || (result.IsCompleted && buffer.IsEmpty))
            {
                input.AdvanceTo(buffer.Start);
                return;
            }

            var text = _partial ?? new ByteBuffer((int)Math.Min(buffer.Length, 64 * 1024));
            _partial = null;
            var isWaiting = Decode(ref buffer, text);
            input.AdvanceTo(buffer.Start, isWaiting ? buffer.End : buffer.Start);
            await HandleLinesAsync(text);
            await session.SettleAsync(); // Pongs are answers too.
            if (result.IsCompleted && isWaiting)
            {
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void Stop() => input.CancelPendingRead();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The connection is its server's.
    }

    /// <inheritdoc/>
    public async Task LingerAsync(CancellationToken patience)
    {
        while (true)
        {
            var result = await input.ReadAsync(patience);
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Decodes what arrived; false when it ended before everything that arrived was looked at.</summary>
    private bool Decode(ref ReadOnlySequence<byte> buffer, ByteBuffer text)
    {
        while (true)
        {
            switch (_decoder.Read(ref buffer, text))
            {
                case WebSocketEvent.None:
                    return true;
                case WebSocketEvent.Text when text.Length > session.FrameBytesMax:
                    return false; // Enough for once; the lines among it are handled first.
                case WebSocketEvent.Ping:
                    session.WriteRaw(WebSocketFrames.Pong(_decoder.Control));
                    break;
                case WebSocketEvent.Close:
                    session.OnGoodbye(_decoder.Control.Length < 2 ? CloseReason.Normal : new CloseReason(BinaryPrimitives.ReadUInt16BigEndian(_decoder.Control)) { IsOurs = false });
                    return false;
                case WebSocketEvent.Broken:
                    session.OnBroken(CloseReason.ProtocolError, $"The WebSocket protocol is broken: {_decoder.Fault} (RFC 6455).");
                    return false;
                case WebSocketEvent.Binary:
                    session.OnBroken(CloseReason.NotText, "Frames come in text messages, not in binary ones.");
                    return false;
                default:
                    break;
            }
        }
    }

    private async ValueTask HandleLinesAsync(ByteBuffer text)
    {
        var end = text.WrittenSpan.LastIndexOf((byte)'\n') + 1;
        if (end < text.Length)
        {
            var rest = text.WrittenSpan[end..];
            if (rest.Length > session.FrameBytesMax)
            {
                session.OnFrameTooLong();
                return;
            }

            _partial = new ByteBuffer(Math.Max(1024, rest.Length * 2));
            _partial.Write(rest);
        }

        if (end > 0)
        {
            // The memory goes with the lines: what they publish keeps parts of it.
            await session.HandleAsync(text.WrittenMemory[..end]);
        }
    }
}
