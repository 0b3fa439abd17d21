using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <content>The loop that writes outcomes.</content>
internal sealed partial class LinePublish
{
    // The writing loop's.
    private readonly ByteBuffer _unsent = new(4096);
    private List<Outcome> _taken = [];
    private int _rendered;

    // The waits of those outcomes that want copies, in their order; begun by the sequencer.
    private readonly ConcurrentQueue<Task<int>> _copies = new();
    private long _answeredLine;
    private volatile int _unsentBytes;

    /// <summary>Writes outcomes until all are written. When the client is gone, the reading loop is ended too.</summary>
    private async Task WriteAsync(CancellationTokenSource failed)
    {
        var writer = exchange.Http.Response.BodyWriter;
        var flush = Task.CompletedTask;
        var noted = _noted.WaitAsync(failed.Token);
        try
        {
            while (true)
            {
                await (flush.IsCompleted ? noted : Task.WhenAny(flush, noted));
                if (noted.IsCompleted)
                {
                    await noted;
                    noted = _noted.WaitAsync(failed.Token);
                }

                if (Render())
                {
                    await flush;
                    Send(writer);
                    return; // The server sends what is left when the request ends.
                }

                if (flush.IsCompleted)
                {
                    await flush;
                    flush = Send(writer) ? FlushAsync(writer, failed.Token) : Task.CompletedTask;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The client is gone, or the reading loop was ended: what was handed over is published, and nobody listens.
        }
        finally
        {
            await failed.CancelAsync();
            _written.Release();
        }
    }

    private static async Task FlushAsync(PipeWriter writer, CancellationToken cancellationToken)
    {
        var result = await writer.FlushAsync(cancellationToken);
        if (result.IsCompleted)
        {
            throw new OperationCanceledException("The client is gone.");
        }
    }

    /// <summary>Turns outcomes and bad lines into text, in the order of the lines.</summary>
    /// <returns>Whether nothing more will come.</returns>
    private bool Render()
    {
        // Looked at first: once all is read, what is in flight only gets less.
        var isRead = _isRead;
        var rendered = 0;
        while (TryTakeNext(out var outcome) && HasCopies(outcome, out var copies))
        {
            // A bad line is noted before the line after it is handed over, so it is here when that one's outcome is.
            RenderBad();
            _answeredLine = outcome.Command.Ref;
            if (outcome.Refusal is { } refusal)
            {
                RenderError(refusal, outcome.Command.Ref);
            }
            else
            {
                OutcomeWriter.Write(outcome, copies, _unsent);
                _unsent.Write("\n"u8);
            }

            _rendered++;
            rendered++;
        }

        var isLast = Interlocked.Add(ref _inFlight, -rendered) == 0 && isRead;
        if (isLast)
        {
            _answeredLine = long.MaxValue; // Lines that were never handed over hold nothing back.
        }

        RenderBad();
        _unsentBytes = _unsent.Length;
        if (_written.CurrentCount == 0)
        {
            _written.Release();
        }

        return isLast;
    }

    /// <summary>The next outcome that is not rendered yet.</summary>
    private bool TryTakeNext(out Outcome outcome)
    {
        if (_rendered == _taken.Count)
        {
            _taken.Clear();
            _rendered = 0;
            lock (_gate)
            {
                (_outcomes, _taken) = (_taken, _outcomes);
            }
        }

        outcome = _rendered < _taken.Count ? _taken[_rendered] : default;
        return _rendered < _taken.Count;
    }

    /// <summary>Whether the copies that a line asked for are there, or were waited for long enough. If not, the lines after it wait with it; the loop is woken then.</summary>
    private bool HasCopies(in Outcome outcome, out int copies)
    {
        copies = 1;
        if (!WantsCopies(outcome))
        {
            return true;
        }

        if (!_copies.TryPeek(out var wait) || !wait.IsCompleted)
        {
            return false;
        }

        copies = wait.GetAwaiter().GetResult();
        _copies.TryDequeue(out _);
        return true;
    }

    private static bool WantsCopies(in Outcome outcome) => outcome.Refusal is null && outcome.Command.Body.Copies > 1;

    private void RenderBad()
    {
        while (_bad.TryPeek(out var bad) && bad.After <= _answeredLine)
        {
            RenderError(bad.Refusal, bad.Line);
            _bad.TryDequeue(out _);
        }
    }

    private void RenderError(Refusal refusal, long line)
    {
        _unsent.Write("{\"error\":{\"type\":"u8);
        JsonText.Write(refusal.Type, _unsent);
        _unsent.Write(",\"detail\":"u8);
        JsonText.Write(refusal.Detail, _unsent);
        _unsent.Write(",\"line\":"u8);
        _unsent.Write(line);
        if (refusal.Missing is not null)
        {
            _unsent.Write(",\"missing\":"u8);
            _unsent.Write(refusal.Missing);
        }

        _unsent.Write("}}\n"u8);
    }

    private bool Send(PipeWriter writer)
    {
        if (_unsent.Length == 0)
        {
            return false;
        }

        writer.Write(_unsent.WrittenSpan);
        _unsent.Clear(keepMax: 256 * 1024);
        _unsentBytes = 0;
        return true;
    }
}
