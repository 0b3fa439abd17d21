using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// Publishes an NDJSON body while it comes in, and answers with one outcome a line, in order, as they come. Two loops: one reads lines and hands them over in
/// batches, the other writes outcomes. The sequencing thread only notes outcomes. Lines that wait for their outcome are bounded, and so are outcomes that the
/// client does not take: past either, no more lines are read.
/// </summary>
/// <param name="services">What answers share.</param>
/// <param name="exchange">The request; allowed already.</param>
internal sealed partial class LinePublish(Services services, Exchange exchange) : IPublisher
{
    // Commands handed over together: enough to make the hand-over cheap, few enough that the first outcomes come early.
    private const int BatchMax = 256;

    // Outcomes that may wait for a client that sends all its lines before it reads: about 60,000 of them. Such a client may send no more lines than that in one request.
    private const int UnsentBytesMax = 16 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _noted = new(0);
    private readonly SemaphoreSlim _written = new(0);
    private readonly ConcurrentQueue<BadLine> _bad = new();
    private List<Outcome> _outcomes = [];
    private int _inFlight;
    private volatile bool _isRead;

    // The reading loop's.
    private readonly List<Command> _batch = new(BatchMax);
    private long _line;
    private long _batchedLine;
    private long _submittedLine;
    private bool _skipping;

    private Limits Limits => services.Limits;

    /// <summary>Answers the request.</summary>
    public async Task RunAsync()
    {
        var http = exchange.Http;
        if (http.Request.ContentLength > Limits.NdjsonBytesMax)
        {
            throw new ProtocolException(ErrorType.TooLarge, BodyTooLong());
        }

        // A stream may be as slow as its source: a line a minute keeps it alive.
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = new MinDataRate(bytesPerSecond: 1, gracePeriod: TimeSpan.FromSeconds(60));
        }

        http.Response.ContentType = "application/x-ndjson";
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(exchange.Aborted);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(failed.Token, services.Stopping);
        var writing = WriteAsync(failed);
        try
        {
            await ReadAsync(ended.Token);
        }
        catch (OperationCanceledException) when (services.Stopping.IsCancellationRequested && !failed.IsCancellationRequested)
        {
            // What was handed over is still answered; the client learns from which line on nothing was published.
            _line = _submittedLine + 1;
            NoteBad(new Refusal(ErrorType.NotReady, "The node is stopping; nothing from this line on was published. Send it again, to another node or to this one after its restart."));
        }
        catch (ProtocolException e)
        {
            NoteBad(new Refusal(e.Type, e.Message));
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            NoteBad(new Refusal(e.StatusCode == StatusCodes.Status413PayloadTooLarge ? ErrorType.TooLarge : ErrorType.Malformed, e.Message));
        }
        finally
        {
            _isRead = true;
            _noted.Release();
            await writing;
        }
    }

    /// <inheritdoc/>
    public void OnOutcome(in Outcome outcome)
    {
        if (WantsCopies(outcome))
        {
            var wait = services.Node.WaitForCopiesAsync(outcome.Origin, outcome.Seq, outcome.Command.Body.Copies);
            _copies.Enqueue(wait);
            _ = wait.ContinueWith(_ => _noted.Release(), TaskScheduler.Default);
        }

        lock (_gate)
        {
            _outcomes.Add(outcome);
        }
    }

    /// <inheritdoc/>
    public void OnCommitEnd() => _noted.Release();

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        var reader = exchange.Http.Request.BodyReader;
        long bytes = 0;
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            var end = buffer.PositionOf((byte)'\n') is null ? null : LastLineFeed(buffer);
            SequencePosition consumed;
            if (end is { } lineFeed)
            {
                consumed = buffer.GetPosition(1, lineFeed);
            }
            else if (result.IsCompleted || buffer.Length > Limits.BodyBytesMax)
            {
                consumed = buffer.End; // The last line needs no line feed; one that is too long is not kept.
            }
            else
            {
                reader.AdvanceTo(buffer.Start, buffer.End);
                continue;
            }

            var whole = buffer.Slice(0, consumed);
            bytes += whole.Length;
            var isCut = end is null && !result.IsCompleted;
            var lines = isCut && _skipping ? ReadOnlyMemory<byte>.Empty : whole.ToArray();
            reader.AdvanceTo(consumed, isCut || end is null ? consumed : buffer.End);
            if (bytes > Limits.NdjsonBytesMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, BodyTooLong());
            }

            await TakeAsync(lines, isCut, cancellationToken);
            if (result.IsCompleted && consumed.Equals(buffer.End))
            {
                return;
            }
        }
    }

    /// <summary>Takes lines: whole ones, except the last when <paramref name="isCut"/>, which is too long and goes on.</summary>
    private async ValueTask TakeAsync(ReadOnlyMemory<byte> lines, bool isCut, CancellationToken cancellationToken)
    {
        while (!lines.IsEmpty || isCut)
        {
            var lineFeed = lines.Span.IndexOf((byte)'\n');
            var line = lineFeed < 0 ? lines : lines[..lineFeed];
            lines = lineFeed < 0 ? ReadOnlyMemory<byte>.Empty : lines[(lineFeed + 1)..];
            var goesOn = isCut && lineFeed < 0;
            isCut &= lineFeed >= 0;
            if (_skipping)
            {
                _skipping = goesOn;
                continue;
            }

            _line++;
            if (goesOn || line.Length > Limits.BodyBytesMax)
            {
                _skipping = goesOn;
                NoteBad(new Refusal(ErrorType.TooLarge, $"The line is longer than {Limits.BodyBytesMax} bytes (limit body-bytes-max)."));
                continue;
            }

            if (!line.Span.ContainsAnyExcept(" \t\r"u8))
            {
                continue;
            }

            await TakeAsync(line, cancellationToken);
        }

        await SubmitAsync(cancellationToken);
    }

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        PublishBody body;
        try
        {
            body = PublishBody.Parse(line, Limits);
        }
        catch (ProtocolException e)
        {
            NoteBad(new Refusal(e.Type, e.Message));
            return;
        }

        if (body.After is { } after && !services.Node.Seen.Covers(after))
        {
            // The token may cover what stands on a line before.
            await SubmitAsync(cancellationToken);
            if (await services.CoverAsync(after, wait: null, cancellationToken) is { } behind)
            {
                NoteBad(behind);
                return;
            }
        }

        _batch.Add(new Command.Publish(exchange.Name, exchange.Username, body, this, _line));
        _batchedLine = _line;
        if (_batch.Count == BatchMax)
        {
            await SubmitAsync(cancellationToken);
        }
    }

    private async ValueTask SubmitAsync(CancellationToken cancellationToken)
    {
        if (_batch.Count == 0)
        {
            return;
        }

        // Before it is handed over: a new request does not get around what its account or address owes.
        var pause = services.Throttle.Pace(exchange.Username, exchange.Http.Connection.RemoteIpAddress, _batch.Count);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, services.Node.Time, cancellationToken);
        }

        Interlocked.Add(ref _inFlight, _batch.Count); // Before the outcomes come.
        try
        {
            await HandOverAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Add(ref _inFlight, -_batch.Count);
            throw;
        }

        _submittedLine = _batchedLine;
        _batch.Clear();
        while (Volatile.Read(ref _inFlight) > Limits.InFlightMax || _unsentBytes > UnsentBytesMax)
        {
            await _written.WaitAsync(cancellationToken);
        }
    }

    private async ValueTask HandOverAsync(CancellationToken cancellationToken)
    {
        while (!services.Node.TryPublish(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_batch)))
        {
            if (services.Node.NotReady is { } why)
            {
                var refusal = new Refusal(ErrorType.NotReady, why);
                foreach (var command in _batch)
                {
                    OnOutcome(Outcome.Refused((Command.Publish)command, refusal, services.Node.Seen));
                }

                OnCommitEnd();
                return;
            }

            await services.Node.WaitForRoomAsync(cancellationToken);
        }
    }

    private void NoteBad(Refusal refusal)
    {
        _bad.Enqueue(new BadLine(_line, _batchedLine, refusal));
        _noted.Release();
    }

    private string BodyTooLong() => $"The body is longer than {Limits.NdjsonBytesMax} bytes (limit ndjson-bytes-max). Send the rest in another request.";

    private static SequencePosition? LastLineFeed(ReadOnlySequence<byte> buffer)
    {
        SequencePosition? last = null;
        var start = buffer.Start;
        foreach (var memory in buffer)
        {
            var index = memory.Span.LastIndexOf((byte)'\n');
            if (index >= 0)
            {
                last = buffer.GetPosition(index, start);
            }

            start = buffer.GetPosition(memory.Length, start);
        }

        return last;
    }

    /// <summary>A line that was not handed over.</summary>
    /// <param name="Line">Its number, from 1.</param>
    /// <param name="After">The last good line before it: its outcome comes first.</param>
    /// <param name="Refusal">What is wrong with it.</param>
    private readonly record struct BadLine(long Line, long After, Refusal Refusal);
}
