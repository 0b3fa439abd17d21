using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// What is published to some channels, in an order that all dependencies allow, each activity once and none left out, over as many connections as it takes.
/// Enumerate it with <c>await foreach</c>; it ends by cancellation, by leaving the loop, or with a <see cref="StentorException"/> when a server refuses for good.
/// Nothing is read ahead of the consumer but what the connection holds: a slow consumer slows its own connection only. One consumer at a time; a second
/// enumeration goes on where the first one ended.
/// </summary>
public sealed class Subscription : IAsyncEnumerable<ReceivedActivity>, IAsyncDisposable
{
    private readonly IReadOnlyList<string> _channels;
    private readonly SubscribeOptions _options;
    private readonly SeenSoFar _session;
    private readonly Connector _connector;
    private readonly StentorClientOptions _clientOptions;
    private readonly CancellationToken _clientEnd;
    private readonly CancellationTokenSource _disposed = new();
    private readonly bool _fromStart;
    private readonly RepeatFilter _filter = new();
    private Connection? _connection;
    private bool _standing;
    private int _busy;

    internal Subscription(
        IReadOnlyList<string> channels, SubscribeOptions options, SeenSoFar session, Connector connector, StentorClientOptions clientOptions, CancellationToken clientEnd)
    {
        _channels = channels;
        _options = options;
        _session = session;
        _connector = connector;
        _clientOptions = clientOptions;
        _clientEnd = clientEnd;
        _fromStart = options.After == SubscribeOptions.Start;
        if (options.After != SubscribeOptions.Now)
        {
            _filter.StartAfter(_fromStart ? VersionVector.Empty : SeenToken.Decode(options.After));
        }
    }

    /// <summary>A token for everything that was handed out so far: another subscription that starts after it goes on with the next one. Null before the subscription stands.</summary>
    public string? Seen => _filter.Seen is { } seen ? SeenToken.Encode(seen) : null;

    /// <summary>
    /// Connects now, and returns when the subscription stands: what is published afterwards will be delivered. Not needed when it is enumerated at once.
    /// </summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">A server refuses for good, or <see cref="StentorClientOptions.ReconnectDeadline"/> is over.</exception>
    public async Task OpenAsync(CancellationToken cancellationToken = default)
    {
        Enter();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _clientEnd, _disposed.Token);
        try
        {
            while (!_standing)
            {
                await StandAsync(end.Token).ConfigureAwait(false);
            }
        }
        catch
        {
            await CloseAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerator<ReceivedActivity> GetAsyncEnumerator(CancellationToken cancellationToken = default) => EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Ends it: closes the connection, if there is one; an enumeration that runs ends by cancellation.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
    }

    private async IAsyncEnumerable<ReceivedActivity> EnumerateAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Enter();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _clientEnd, _disposed.Token);
        try
        {
            while (true)
            {
                var frame = await NextFrameAsync(end.Token).ConfigureAwait(false);
                if (frame?.Op == FrameOp.Activity && Take(frame.Value) is { } received)
                {
                    _session.Add(received.SeenVector);
                    yield return received;
                }
            }
        }
        finally
        {
            await CloseAsync().ConfigureAwait(false);
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Enter()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("This subscription has a consumer already. Make a second subscription for a second consumer.");
        }
    }

    /// <summary>One attempt to stand: connected and subscribed.</summary>
    private async Task StandAsync(CancellationToken cancellationToken)
    {
        var connection = _connection ??= await _connector.ConnectAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await SubscribeAsync(connection, cancellationToken).ConfigureAwait(false);
        }
        catch (ConnectionLostException e)
        {
            await LoseAsync(connection, e).ConfigureAwait(false);
        }
    }

    /// <summary>The next frame; null when there is none but a loss, or a hole that was told.</summary>
    private async ValueTask<Frame?> NextFrameAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_connection is not { } connection || !_standing)
        {
            await StandAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        try
        {
            var frame = await connection.ReceiveAsync(cancellationToken).ConfigureAwait(false);
            if (frame.Op != FrameOp.Gap)
            {
                return frame;
            }

            OnGap(frame.Bytes);
        }
        catch (ConnectionLostException e)
        {
            await LoseAsync(connection, e).ConfigureAwait(false);
        }

        return null;
    }

    private async ValueTask LoseAsync(Connection connection, ConnectionLostException lost)
    {
        await CloseAsync().ConfigureAwait(false);
        _connector.OnLost(connection.Address, lost);
    }

    private async Task SubscribeAsync(Connection connection, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(_clientOptions.RequestDeadline, _clientOptions.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var number = connection.NextRef();
            var seenBefore = _session.Vector;
            await connection.SendAsync(SubscribeFrame(number), either.Token).ConfigureAwait(false);
            while (!_standing)
            {
                var frame = await connection.ReceiveAsync(either.Token).ConfigureAwait(false);
                if (frame.Ref == number)
                {
                    OnAnswer(frame, seenBefore, connection.Address);
                }
                else if (frame.Op == FrameOp.Gap)
                {
                    OnGap(frame.Bytes);
                }
                else if (frame.Op == FrameOp.Activity)
                {
                    throw new StentorException(ErrorType.Internal, "The server sent entries before it answered the subscription.", 500);
                }
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ConnectionLostException($"{connection.Address} did not answer the subscription within {_clientOptions.RequestDeadline.TotalSeconds:0.#} s.", e);
        }
    }

    private async ValueTask CloseAsync()
    {
        var connection = Interlocked.Exchange(ref _connection, null);
        _standing = false;
        if (connection is not null)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    private byte[] SubscribeFrame(long number)
    {
        var frame = new ByteBuffer(256);
        frame.Write(Encoding.UTF8.GetBytes($"{{\"op\":\"subscribe\",\"ref\":{number},\"channels\":["));
        for (var i = 0; i < _channels.Count; i++)
        {
            frame.Write(i == 0 ? ""u8 : ","u8);
            JsonText.Write(_channels[i], frame);
        }

        frame.Write("],\"after\":"u8);
        JsonText.Write(After(), frame);
        frame.Write("}"u8);
        return frame.WrittenSpan.ToArray();
    }

    private string After() => _filter.Seen switch
    {
        null => SubscribeOptions.Now,
        { Count: 0 } => SubscribeOptions.Start,
        var seen => SeenToken.Encode(seen),
    };

    private void OnAnswer(Frame answer, VersionVector seenBefore, Uri address)
    {
        if (answer.Error is { } refusal)
        {
            throw refusal.IsTransient
                ? new ConnectionLostException($"{address} does not take the subscription now: {refusal.Detail}", refusal) { RetryAfter = refusal.RetryAfter ?? TimeSpan.Zero }
                : refusal;
        }

        if (_filter.Seen is null)
        {
            // From here on "now" is a place that another connection can resume from. What this client had seen elsewhere before is no news either.
            _filter.StartAfter(seenBefore);
            _filter.StartAfter(answer.Seen is { } seen ? Decode(seen) : VersionVector.Empty);
        }

        _standing = true;
        _connector.OnHealthy();
    }

    private ReceivedActivity? Take(Frame frame)
    {
        try
        {
            var entry = Entry.Parse(frame.Entry);
            return _filter.TryTake(entry, frame.Seen) ? new ReceivedActivity(entry, _filter.Seen!) : null; // Set by TryTake.
        }
        catch (ProtocolException e)
        {
            throw new StentorException(ErrorType.Internal, $"The server sent what is not an entry: {e.Message}", 500, e);
        }
    }

    private void OnGap(ReadOnlyMemory<byte> bytes)
    {
        using var json = JsonDocument.Parse(bytes, ClientJson.Deep);
        var gap = Gap.Read(json.RootElement, _channels);
        if (_options.OnGap is { } onGap)
        {
            onGap(gap);
        }
        else if (!_fromStart || _filter.Seen is not { Count: 0 })
        {
            throw gap.ToException("Give OnGap to go on behind the hole.");
        }

        if (SeenToken.TryDecode(gap.To, out var to))
        {
            _filter.StartAfter(to);
        }
    }

    private static VersionVector Decode(string token) => SeenToken.TryDecode(token, out var seen)
        ? seen
        : throw new StentorException(ErrorType.Internal, "The server sent a seen token that is none.", 500);
}
