using System.Diagnostics;
using System.Globalization;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>
/// A client of the Activity Streamer protocol that stays logged in: it registers, logs in, goes where it is sent, and comes back when a connection is lost. One
/// task runs it; any may publish.
/// </summary>
/// <param name="options">As whom, where, and who is told what.</param>
/// <param name="time">The clock.</param>
internal sealed class StreamerSession(StreamerSessionOptions options, TimeProvider time)
{
    /// <summary>
    /// How long after a login nothing is published. A server that sends a client elsewhere says so right behind LOGIN_SUCCESS and then reads no more: what came
    /// sooner would be lost. 200 ms: such servers decide at once.
    /// </summary>
    public static readonly TimeSpan RedirectWait = TimeSpan.FromMilliseconds(200);

    // After how long what was published has arrived, if the connection still stands: longer than a server may take to close after the goodbye behind it.
    private static readonly TimeSpan ArrivalTime = StreamerConnection.AnswerWait * 2;

    // Longest reason of a server that is repeated, in characters.
    private const int InfoLengthMax = 500;

    private static readonly string[] Refusals =
        [StreamerCommands.InvalidMessage, StreamerCommands.AuthenticationFail, StreamerCommands.LoginFailed, StreamerCommands.RegisterFailed];

    private readonly StreamerRoute _route = new(options.Servers);
    private TaskCompletionSource<StreamerConnection> _ready = NewReady();
    private bool _isRegistered = !options.Registers;
    private long _sentAt;
    private int _redirects;
    private volatile bool _isEnding;

    /// <summary>
    /// Whether a connection was lost soon after something was published on it, which then may not have arrived: the protocol has no acknowledgement.
    /// </summary>
    public bool MayHaveLost { get; private set; }

    /// <summary>Where it is logged in, as far as can be told for good; null between two connections. Any thread may ask.</summary>
    public StreamerServer? Place => Volatile.Read(ref _ready).Task is { IsCompletedSuccessfully: true } ready ? ready.Result.Server : null;

    /// <summary>How often servers have sent it on. Any thread may ask.</summary>
    public int Redirects => Volatile.Read(ref _redirects);

    /// <summary>
    /// Runs the session until <see cref="EndAsync"/> or the token ends it; both log out and close in order, the token within
    /// <see cref="StreamerConnection.CloseWait"/>.
    /// </summary>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="StreamerException">A server refuses this client, sends it around in circles, or none could be reached at the start.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await VisitAsync(_route.Current, stop) is not Visit.Over and var visit)
            {
                // Only now, when the connection is closed, nobody can have sent anything on it that this does not know of.
                Doubt();
                if (_isEnding)
                {
                    if (visit is Visit.Lost(var fault))
                    {
                        options.OnStatus($"{_route.Current}: {fault}.");
                    }

                    return;
                }

                switch (visit)
                {
                    case Visit.SentOn(var place):
                        Follow(place);
                        break;
                    case Visit.Lost(var reason):
                        await MoveOnAsync(reason, stop);
                        break;
                    default:
                        throw new UnreachableException();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Between two connections, or before a login: there is nothing to say goodbye to.
        }
        finally
        {
            // Whoever still waits for a connection waits in vain.
            Volatile.Read(ref _ready).TrySetCanceled(CancellationToken.None);
        }
    }

    /// <summary>Publishes: waits until there is a connection, and hands the activity to it. When the connection breaks meanwhile, the next one gets it.</summary>
    /// <param name="activity">One JSON object, checked.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">It was asked to end, or the session is over.</exception>
    public async Task PublishAsync(ReadOnlyMemory<byte> activity, CancellationToken cancellationToken)
    {
        var line = StreamerLines.Activity(options.Username, options.Secret, activity.Span);
        while (true)
        {
            var ready = Volatile.Read(ref _ready);
            var connection = await ready.Task.WaitAsync(cancellationToken);
            try
            {
                Volatile.Write(ref _sentAt, time.GetTimestamp()); // First: the connection may break as soon as it is sent.
                await connection.SendAsync(line, cancellationToken);
                return;
            }
            catch (StreamerLostException)
            {
                // The session's task sees it too; until it does, nobody else shall try this connection.
                Interlocked.CompareExchange(ref _ready, NewReady(), ready);
            }
        }
    }

    /// <summary>
    /// Waits until there is a connection and says goodbye on it, behind all that was published; <see cref="RunAsync"/> returns when the server has closed it.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">As for <see cref="PublishAsync"/>.</exception>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var ready = Volatile.Read(ref _ready);
            StreamerConnection connection;
            try
            {
                connection = await ready.Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (_isEnding && !cancellationToken.IsCancellationRequested)
            {
                return; // It was lost while it said goodbye, and the session is over.
            }

            _isEnding = true; // First: when this connection ends, the session's task makes no other one.
            try
            {
                await connection.LogoutAsync(cancellationToken);
                return;
            }
            catch (StreamerLostException)
            {
                // The session is over now, unless its task had begun with the next connection; then that one wants a goodbye.
                Interlocked.CompareExchange(ref _ready, NewReady(), ready);
            }
        }
    }

    private static TaskCompletionSource<StreamerConnection> NewReady() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One connection from its start to its end.</summary>
    private async Task<Visit> VisitAsync(StreamerServer server, CancellationToken stop)
    {
        try
        {
            await using var connection = await StreamerConnection.ConnectAsync(server, options.Limits, time, stop);
            try
            {
                return await LogInAsync(connection, stop) ?? await StayAsync(connection, stop);
            }
            catch (ProtocolException e)
            {
                await connection.CloseAsync(StreamerLines.Info(StreamerCommands.InvalidMessage, e.Message));
                return new Visit.Lost($"it sent what is no message: {Printable.Cut(e.Message, InfoLengthMax).TrimEnd('.')}");
            }
        }
        catch (StreamerLostException e)
        {
            return new Visit.Lost(e.Message);
        }
    }

    /// <summary>Registers where that is wanted, and logs in.</summary>
    /// <returns>Null when the client is logged in; where it is sent when it is not.</returns>
    private async Task<Visit?> LogInAsync(StreamerConnection connection, CancellationToken stop)
    {
        if (!_isRegistered)
        {
            // A registration is for a secret: without one there is nothing to register.
            var register = StreamerLines.Name(StreamerCommands.Register, options.Username, options.Secret ?? "");
            if (await AskAsync(connection, register, StreamerCommands.RegisterSuccess, stop) is { } elsewhere)
            {
                return elsewhere;
            }

            _isRegistered = true;
            options.OnStatus($"Registered {Printable.Cut(options.Username)} at {connection.Server}.");
        }

        if (await AskAsync(connection, StreamerLines.Login(options.Username, options.Secret), StreamerCommands.LoginSuccess, stop) is { } place)
        {
            return place;
        }

        _route.LoggedIn();
        options.OnStatus($"Logged in at {connection.Server} as {Printable.Cut(options.Username)}.");
        return null;
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <returns>Null when the server did what it was asked; where it sends the client when it did not.</returns>
    private static async Task<Visit?> AskAsync(StreamerConnection connection, byte[] request, string success, CancellationToken stop)
    {
        await connection.SendAsync(request, stop);
        var answer = await connection.ReceiveAnswerAsync([success, StreamerCommands.Redirect, .. Refusals], stop);
        return answer.Command switch
        {
            StreamerCommands.Redirect => SentOn(connection, answer),
            var command when command == success => null,
            _ => throw Refused(connection, answer),
        };
    }

    /// <summary>Receives, and lets others publish, until the connection ends.</summary>
    private async Task<Visit> StayAsync(StreamerConnection connection, CancellationToken stop)
    {
        var loggedInAt = time.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var opening = OpenAsync(connection, over.Token);
        try
        {
            return await ListenAsync(connection, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await connection.CloseAsync(StreamerLines.Logout());
            return new Visit.Over();
        }
        finally
        {
            await over.CancelAsync();
            await opening;
            Shut();
            if (time.GetElapsedTime(loggedInAt) >= StreamerRoute.HoldTime)
            {
                _route.Held();
            }
        }
    }

    private async Task<Visit> ListenAsync(StreamerConnection connection, CancellationToken stop)
    {
        while (await connection.ReceiveAsync(stop) is { } message)
        {
            switch (message.Command)
            {
                case StreamerCommands.ActivityBroadcast:
                    options.OnActivity(message.Activity);
                    break;
                case StreamerCommands.Redirect:
                    return SentOn(connection, message);
                case var command when Refusals.Contains(command):
                    throw Refused(connection, message);
                default:
                    // What is not for clients, or what only its own kind knows. The document wants INVALID_MESSAGE and a close; nobody gains by that.
                    break;
            }
        }

        return connection.SaidGoodbye ? new Visit.Over() : new Visit.Lost("it closed the connection");
    }

    private async Task OpenAsync(StreamerConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(RedirectWait, time, cancellationToken);
            Volatile.Read(ref _ready).TrySetResult(connection);
        }
        catch (OperationCanceledException)
        {
            // The connection is over before anybody published.
        }
    }

    private void Shut()
    {
        var ready = Volatile.Read(ref _ready);
        if (ready.Task.IsCompleted)
        {
            Interlocked.CompareExchange(ref _ready, NewReady(), ready);
        }
    }

    private void Doubt()
    {
        if (Interlocked.Exchange(ref _sentAt, 0) is var sentAt and not 0 && time.GetElapsedTime(sentAt) < ArrivalTime)
        {
            MayHaveLost = true;
            options.OnStatus("What was published last may not have arrived.");
        }
    }

    private void Follow(StreamerServer place)
    {
        var from = _route.Current;
        if (!_route.TryRedirect(place))
        {
            throw new StreamerException($"{from} sends this client on to {place}, after {StreamerRoute.RedirectsMax} servers in a row did the like; the servers do not agree on who takes it.");
        }

        Interlocked.Increment(ref _redirects);
        options.OnStatus($"{from} sends this client on to {place}.");
    }

    private async Task MoveOnAsync(string reason, CancellationToken stop)
    {
        var from = _route.Current;
        if (_route.Fail(Random.Shared.NextDouble()) is not { } wait)
        {
            throw new StreamerException($"{from}: {reason}.{(options.Servers.Count > 1 ? " None of the servers could be used." : "")}");
        }

        var when = wait > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $" in {wait.TotalSeconds:0.#} s") : "";
        options.OnStatus($"{from}: {reason}. Trying {_route.Current}{when}.");
        await Task.Delay(wait, time, stop);
    }

    /// <summary>Where a server sends the client. Who came over TLS stays with it: the secret must not go out in the open because a server says so.</summary>
    private static Visit.SentOn SentOn(StreamerConnection connection, StreamerMessage redirect) =>
        new Visit.SentOn(new StreamerServer(redirect.Hostname.Trim('[', ']'), redirect.Port, connection.Server.IsTls));

    private static StreamerException Refused(StreamerConnection connection, StreamerMessage answer) =>
        new($"{connection.Server} says {answer.Command}{(answer.Info.Length > 0 ? $": {Printable.Cut(answer.Info, InfoLengthMax)}" : " and not why.")}");

    /// <summary>How a connection ended.</summary>
    private abstract record Visit
    {
        private Visit()
        {
        }

        /// <summary>In order, and for good.</summary>
        public sealed record Over : Visit;

        /// <summary>The server named another one.</summary>
        public sealed record SentOn(StreamerServer Place) : Visit;

        /// <summary>It is gone, or never was; the reason is printable.</summary>
        public sealed record Lost(string Reason) : Visit;
    }
}
