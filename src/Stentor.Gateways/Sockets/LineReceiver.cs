using System.Buffers;
using System.IO.Pipelines;

namespace Stentor.Gateways;

/// <summary>Takes lines off a TCP connection, as many as one read brought.</summary>
/// <param name="session">Whose they are.</param>
/// <param name="input">The connection.</param>
internal sealed class LineReceiver(FrameSession session, PipeReader input) : IReceiver
{
    // Bytes copied at once: below it an array does not go to the large object heap.
    private const int PieceBytes = 64 * 1024;

    /// <inheritdoc/>
    public async Task ReceiveAsync()
    {
        while (!session.IsEnding)
        {
            var result = await input.ReadAsync();
            session.OnHeard();
            var buffer = result.Buffer;
            if (result.IsCanceled)
            {
                input.AdvanceTo(buffer.Start);
                return;
            }

            var piece = TakeLines(ref buffer, isLast: result.IsCompleted);
            input.AdvanceTo(buffer.Start, piece.IsEmpty ? buffer.End : buffer.Start);
            if (!piece.IsEmpty)
            {
                await session.HandleAsync(piece);
            }
            else if (result.IsCompleted)
            {
                return;
            }
            else if (buffer.Length > session.FrameBytesMax)
            {
                session.OnFrameTooLong();
            }
        }
    }

    /// <inheritdoc/>
    public void Stop() => input.CancelPendingRead();

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

    /// <summary>Copies whole lines off the front: they outlive the read, since what they publish waits to be recorded.</summary>
    private static ReadOnlyMemory<byte> TakeLines(ref ReadOnlySequence<byte> buffer, bool isLast)
    {
        var length = LengthOfLines(buffer.Length > PieceBytes ? buffer.Slice(0, PieceBytes) : buffer);
        if (length == 0 && buffer.PositionOf((byte)'\n') is { } end)
        {
            length = buffer.Slice(0, end).Length + 1;
        }
        else if (length == 0 && isLast)
        {
            length = buffer.Length; // A last line that its sender did not end.
        }

        if (length == 0)
        {
            return default;
        }

        var piece = GC.AllocateUninitializedArray<byte>((int)length);
        buffer.Slice(0, length).CopyTo(piece);
        buffer = buffer.Slice(length);
        return piece;
    }

    private static long LengthOfLines(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsSingleSegment)
        {
            return buffer.FirstSpan.LastIndexOf((byte)'\n') + 1;
        }

        long length = 0;
        long start = 0;
        foreach (var segment in buffer)
        {
            var last = segment.Span.LastIndexOf((byte)'\n');
            length = last < 0 ? length : start + last + 1;
            start += segment.Length;
        }

        return length;
    }
}
