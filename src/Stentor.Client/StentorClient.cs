using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>
/// A client of Stentor servers: publishes, subscribes, reads. It reconnects with growing, jittered waits, goes on where it was, fails over along its
/// addresses, and keeps what it has seen, so that it reads its own writes and never goes back, whichever server answers. Thread-safe; one for a program is enough.
/// </summary>
/// <remarks>
/// What servers refuse, and what stays without an answer until its deadline, ends in a <see cref="StentorException"/>; cancellation in an
/// <see cref="OperationCanceledException"/>. Nothing waits without a bound but a subscription for its next activity.
/// </remarks>
public sealed partial class StentorClient : IAsyncDisposable
{
    private readonly StentorClientOptions _options;
    private readonly SocketsHttpHandler _handler;
    private readonly HttpMessageInvoker _http;
    private readonly AddressList _addresses;
    private readonly SeenSoFar _session = new();
    private readonly HttpApi _api;
    private readonly Publisher _publisher;
    private readonly StateCache _states = new();
    private readonly CancellationTokenSource _end = new();
    private int _disposed;

    /// <summary>Makes a client; nothing is connected yet.</summary>
    /// <param name="options">Which servers, as whom, how patiently.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    public StentorClient(StentorClientOptions options)
    {
        options.Check();
        _options = options;
        _handler = new SocketsHttpHandler
        {
            ConnectTimeout = options.ConnectTimeout,
            AllowAutoRedirect = false, // Credentials go where they were told to go.
            UseCookies = false,
            UseProxy = !options.Addresses.All(a => a.IsLoopback),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        };
        _http = new HttpMessageInvoker(_handler);
        _addresses = new AddressList(options.Addresses);
        _api = new HttpApi(options, _addresses, _http);
        _publisher = new Publisher(options, _session, NewConnector(Timeout.InfiniteTimeSpan), _addresses); // A publish has a deadline of its own.
    }

    /// <summary>Makes an anonymous client of one server.</summary>
    /// <param name="address">The server, <c>http://HOST:PORT</c>.</param>
    public StentorClient(string address)
        : this(new StentorClientOptions { Addresses = [new Uri(address)] })
    {
    }

    /// <summary>A token for all that this client has seen and written; null when that is nothing yet. A client in another process that is given it (<see cref="AddSeen"/>) goes on from there.</summary>
    public string? Seen => _session.Token;

    /// <summary>The server in use at the moment.</summary>
    public Uri Address => _addresses.Current;

    /// <summary>Adds to what this client has seen: reads will be as new as this, publishes come after it.</summary>
    /// <param name="seen">A seen token.</param>
    /// <exception cref="StentorException">It is none.</exception>
    public void AddSeen(string seen) => _session.Add(Decode(seen));

    /// <summary>
    /// Publishes and waits until it is durable. It is sent again, over another connection if need be, until its outcome is known, and recorded once.
    /// </summary>
    /// <param name="publish">What to publish.</param>
    /// <param name="cancellationToken">Ends the wait; what was sent may still be recorded.</param>
    /// <exception cref="StentorException">It was refused, or no outcome came within <see cref="StentorClientOptions.PublishDeadline"/>.</exception>
    public async Task<PublishOutcome> PublishAsync(Publish publish, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var pending = await _publisher.StartAsync(publish, cancellationToken).ConfigureAwait(false);
        return await _publisher.WaitAsync(pending, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Publishes many, pipelined: at most <see cref="StentorClientOptions.PublishWindow"/> wait for their outcome at a time. They are recorded in their order,
    /// but for those that a server could not take at first (rate limit, full disk), which follow later. A refusal is a result and does not end the rest.
    /// </summary>
    /// <param name="publishes">What to publish; taken as the window and the consumer of the results have room.</param>
    /// <param name="cancellationToken">Ends it; what was sent may still be recorded.</param>
    /// <returns>One result for each, in their order.</returns>
    public async IAsyncEnumerable<PublishResult> PublishAsync(IAsyncEnumerable<Publish> publishes, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var started = Channel.CreateBounded<(Publish Publish, PendingPublish? Pending, StentorException? Error)>(_options.PublishWindow);
        var pump = StartAllAsync(publishes, started.Writer, end.Token);
        try
        {
            await foreach (var (publish, pending, error) in started.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return pending is null ? new PublishResult(publish, null, error) : await ResultAsync(publish, pending, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // What it threw came out of the reader above.
        }
    }

    /// <summary>Subscribes to channels. Nothing is sent before it is enumerated or opened.</summary>
    /// <param name="channels">Channels and patterns; what matches several comes once.</param>
    /// <param name="options">Where to start; null for now.</param>
    /// <exception cref="StentorException">A channel or token is malformed.</exception>
    public Subscription Subscribe(IEnumerable<string> channels, SubscribeOptions? options = null)
    {
        ThrowIfDisposed();
        string[] names = [.. channels];
        try
        {
            foreach (var name in names)
            {
                ChannelPattern.Parse(name);
            }

            return names.Length > 0
                ? new Subscription(names, options ?? new SubscribeOptions(), _session, NewConnector(_options.ReconnectDeadline), _options, _end.Token)
                : throw StentorException.Malformed("A subscription needs at least one channel or pattern.");
        }
        catch (ProtocolException e)
        {
            throw StentorException.Of(e);
        }
    }

    /// <summary>Subscribes to one channel or pattern.</summary>
    /// <param name="channel">The channel or pattern.</param>
    /// <param name="options">Where to start; null for now.</param>
    /// <exception cref="StentorException">The channel or the token is malformed.</exception>
    public Subscription Subscribe(string channel, SubscribeOptions? options = null) => Subscribe([channel], options);

    /// <summary>Closes all connections. Subscriptions end by cancellation; publishes without an outcome fail, so wait for those that matter before.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _end.CancelAsync().ConfigureAwait(false);
        await _publisher.DisposeAsync().ConfigureAwait(false);
        _http.Dispose();
        _handler.Dispose();
    }

    private async Task StartAllAsync(
        IAsyncEnumerable<Publish> publishes, ChannelWriter<(Publish Publish, PendingPublish? Pending, StentorException? Error)> started, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var publish in publishes.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                PendingPublish? pending = null;
                StentorException? error = null;
                try
                {
                    pending = await _publisher.StartAsync(publish, cancellationToken).ConfigureAwait(false);
                }
                catch (StentorException e)
                {
                    error = e;
                }

                await started.WriteAsync((publish, pending, error), cancellationToken).ConfigureAwait(false);
            }

            started.Complete();
        }
        catch (Exception e)
        {
            started.Complete(e);
            throw;
        }
    }

    private async Task<PublishResult> ResultAsync(Publish publish, PendingPublish pending, CancellationToken cancellationToken)
    {
        try
        {
            return new PublishResult(publish, await _publisher.WaitAsync(pending, cancellationToken).ConfigureAwait(false), null);
        }
        catch (StentorException e)
        {
            return new PublishResult(publish, null, e);
        }
    }

    private Connector NewConnector(TimeSpan deadline) => new(_options, _addresses, _http, deadline);

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

    private static VersionVector Decode(string token)
    {
        try
        {
            return SeenToken.Decode(token);
        }
        catch (ProtocolException e)
        {
            throw StentorException.Of(e);
        }
    }
}
