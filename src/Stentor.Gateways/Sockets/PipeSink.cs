using System.IO.Pipelines;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>A reader's bytes into a pipe: TLS, event streams, and servers without sockets.</summary>
/// <param name="output">The pipe; whoever made it completes it.</param>
/// <param name="abort">Ends the connection.</param>
internal sealed class PipeSink(PipeWriter output, Action abort) : ISink, IDisposable
{
    // Bytes handed over before the pipe is asked whether it can take more: what a stalled reader costs beyond the pipe's own bound.
    private const int PieceBytes = 16 * 1024;

    private readonly Lock _gate = new();
    private Task<FlushResult>? _flushing;
    private volatile bool _isClosed;

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            return _isClosed ? -1 : SendLocked(bytes);
        }
    }

    /// <inheritdoc/>
    public void SendLater(ReadOnlyMemory<byte> rest, Reader reader) => _ = SendLaterAsync(rest, reader);

    /// <inheritdoc/>
    public void Abort() => abort();

    /// <summary>Nothing goes into the pipe once this has returned.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
        }
    }

    private int SendLocked(ReadOnlySpan<byte> bytes)
    {

        if (_flushing is { IsCompleted: false })
        {
            return 0;
        }

        _flushing = null;
        var sent = 0;
        try
        {
            while (sent < bytes.Length)
            {
                var piece = bytes[sent..Math.Min(sent + PieceBytes, bytes.Length)];
                piece.CopyTo(output.GetSpan(piece.Length));
                output.Advance(piece.Length);
                sent += piece.Length;
                var flush = output.FlushAsync();
                if (!flush.IsCompleted)
                {
                    _flushing = flush.AsTask();
                    return sent;
                }

                if (IsOver(flush.GetAwaiter().GetResult()))
                {
                    return -1;
                }
            }
        }
        catch (Exception)
        {
            // Whatever a completed pipe or a broken connection throws means the same here, and the connection's reading side says it.
            _isClosed = true;
            return -1;
        }

        return sent;
    }

    private async Task SendLaterAsync(ReadOnlyMemory<byte> rest, Reader reader)
    {
        try
        {
            if (_flushing is { } flushing)
            {
                _flushing = null;
                if (IsOver(await flushing))
                {
                    return;
                }
            }

            ValueTask<FlushResult> write;
            lock (_gate)
            {
                if (_isClosed)
                {
                    return;
                }

                write = output.WriteAsync(rest);
            }

            IsOver(await write);
        }
        catch (Exception)
        {
            _isClosed = true; // As in Send.
        }
        finally
        {
            reader.OnWritable();
        }
    }

    private bool IsOver(FlushResult result)
    {
        _isClosed |= result.IsCompleted || result.IsCanceled;
        return _isClosed;
    }
}
