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
    private readonly AddressList _addresses;
    private readonly CancellationToken _clientEnd;
    private readonly RepeatFilter _filter = new();
    private Connection? _connection;
    private long _subscribeRef;
    private bool _standing;
    private int _busy;

    internal Subscription(IReadOnlyList<string> channels, SubscribeOptions options, SeenSoFar session, Connector connector, AddressList addresses, CancellationToken clientEnd)
    {
        _channels = channels;
        _options = options;
        _session = session;
        _connector = connector;
        _addresses = addresses;
        _clientEnd = clientEnd;
        if (options.After != SubscribeOptions.Now)
        {
            _filter.StartAfter(options.After == SubscribeOptions.Start ? VersionVector.Empty : SeenToken.Decode(options.After));
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
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _clientEnd);
        try
        {
            while (!_standing)
            {
                await NextFrameAsync(end.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerator<ReceivedActivity> GetAsyncEnumerator(CancellationToken cancellationToken = default) => EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Closes the connection, if there is one.</summary>
    public async ValueTask DisposeAsync()
    {
        var connection = _connection;
        _connection = null;
        _standing = false;
        if (connection is not null)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<ReceivedActivity> EnumerateAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Enter();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _clientEnd);
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
            await DisposeAsync().ConfigureAwait(false);
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

    /// <summary>The next frame, over a new connection where the old one is gone; null when one was lost. Answers and gaps are seen to here.</summary>
    private async ValueTask<Frame?> NextFrameAsync(CancellationToken cancellationToken)
    {
        if (_connection is null)
        {
            _connection = await _connector.ConnectAsync(cancellationToken).ConfigureAwait(false);
            _standing = false;
        }

        try
        {
            if (!_standing && _subscribeRef == 0)
            {
                _subscribeRef = _connection.NextRef();
                await _connection.SendAsync(SubscribeFrame(), cancellationToken).ConfigureAwait(false);
            }

            var frame = await _connection.ReceiveAsync(cancellationToken).ConfigureAwait(false);
            if (frame.Op == FrameOp.Gap)
            {
                OnGap(frame.Bytes);
            }
            else if (!_standing && frame.Ref == _subscribeRef)
            {
                OnAnswer(frame);
            }
            else if (!_standing && frame.Op == FrameOp.Activity)
            {
                throw new StentorException(ErrorType.Internal, "The server sent entries before it answered the subscription.", 500);
            }

            return frame;
        }
        catch (ConnectionLostException e)
        {
            var address = _connection.Address;
            _subscribeRef = 0;
            await DisposeAsync().ConfigureAwait(false);
            _connector.OnLost(address, e);
            return null;
        }
    }

    private byte[] SubscribeFrame()
    {
        var frame = new ByteBuffer(256);
        frame.Write(Encoding.UTF8.GetBytes($"{{\"op\":\"subscribe\",\"ref\":{_subscribeRef},\"channels\":["));
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

    private void OnAnswer(Frame answer)
    {
        _subscribeRef = 0;
        if (answer.Error is { } refusal)
        {
            throw refusal.IsTransient
                ? new ConnectionLostException($"{_addresses.Current} does not take the subscription now: {refusal.Detail}", refusal) { RetryAfter = refusal.RetryAfter ?? TimeSpan.Zero }
                : refusal;
        }

        if (_filter.Seen is null)
        {
            // From here on "now" is a place that another connection can resume from. What this client had seen elsewhere is no news either.
            _filter.StartAfter(_session.Vector);
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
            return _filter.TryTake(entry.Origin, entry.Seq, frame.Seen) ? new ReceivedActivity(entry, _filter.Seen!) : null; // Set by TryTake.
        }
        catch (ProtocolException e)
        {
            throw new StentorException(ErrorType.Internal, $"The server sent what is not an entry: {e.Message}", 500, e);
        }
    }

    private void OnGap(ReadOnlyMemory<byte> bytes)
    {
        using var json = JsonDocument.Parse(bytes, ClientJson.Deep);
        var frame = json.RootElement;
        var channels = frame.TryGetProperty("channels", out var names) && names.ValueKind == JsonValueKind.Array
            ? [.. names.EnumerateArray().Select(n => n.ToString())]
            : _channels;
        var gap = new Gap(channels, Text(frame, "from"), Text(frame, "to"), Text(frame, "reason"));
        if (_options.OnGap is not { } onGap)
        {
            throw new StentorException(
                StentorException.Gap, $"History of {string.Join(", ", channels.Take(5))} that this subscription needs is no longer held: {gap.Reason}. Give OnGap to go on behind the hole.", 0);
        }

        onGap(gap);
        if (SeenToken.TryDecode(gap.To, out var to))
        {
            _filter.StartAfter(to);
        }
    }

    private static VersionVector Decode(string token) => SeenToken.TryDecode(token, out var seen)
        ? seen
        : throw new StentorException(ErrorType.Internal, "The server sent a seen token that is none.", 500);

    private static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.ToString() : "";
}
