using System.Security.Cryptography;
using System.Text;
using Stentor.Node;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <content>What is said, and what is answered.</content>
internal sealed partial class StreamerSession
{
    private readonly List<Command> _batch = [];
    private string _username = Username.Anonymous;
    private byte[] _secretDigest = [];
    private PublishWindow? _window;
    private int _outcomes;
    private bool _isOverfull;

    /// <inheritdoc/>
    public void OnOutcome(in Outcome outcome)
    {
        _outcomes++;
        if (outcome.Refusal is not null)
        {
            Refuse($"the activity was not recorded: {outcome.Refusal.Detail}");
        }
    }

    /// <inheritdoc/>
    public void OnCommitEnd()
    {
        _window!.OnAnswered(_outcomes); // It was there when the activity was handed over.
        _outcomes = 0;
    }

    /// <summary>Handles what one read brought.</summary>
    /// <param name="text">Whole lines; kept by what they publish.</param>
    private async ValueTask HandleAsync(ReadOnlyMemory<byte> text)
    {
        var publishes = 0;
        while (!text.IsEmpty && _ending is null)
        {
            var end = text.Span.IndexOf((byte)'\n');
            var line = text[..end];
            text = text[(end + 1)..];
            if (Read(line) is not { } message)
            {
                continue; // It ends, or what was read was dropped.
            }

            if (message.Command is StreamerCommands.ActivityMessage or StreamerCommands.ActivityBroadcast)
            {
                Publish(message);
            }
            else
            {
                publishes += _batch.Count;
                await SubmitAsync();
                await AnswerAsync(message);
            }

            _isFirst = false;
        }

        publishes += _batch.Count;
        await SubmitAsync();
        if (_isOverfull)
        {
            // Who asks and does not listen is not read until it has.
            _isOverfull = false;
            await _reader.DrainAsync(_gateway.Stopping);
        }

        if (publishes > 0 && _phase == Phase.Client && _gateway.Throttle.Pace(_username, _from?.Address, 0) is var pause && pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, _node.Time, _gateway.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private StreamerMessage? Read(ReadOnlyMemory<byte> line)
    {
        if (line.Length > LineBytesMax)
        {
            Refuse($"a line has more than {LineBytesMax} bytes (limit frame-bytes-max)");
            return null;
        }

        try
        {
            return StreamerMessage.Parse(line, _node.Options.Limits);
        }
        catch (ProtocolException) when (_phase == Phase.Peer && StreamerMessage.IsBroadcast(line.Span))
        {
            // Anybody at the other server may write what is no entry here; the server itself has done nothing wrong.
            _gateway.OnUnfit();
            return null;
        }
        catch (ProtocolException e)
        {
            Refuse(e.Message);
            return null;
        }
    }

    private ValueTask AnswerAsync(StreamerMessage message)
    {
        switch (message.Command)
        {
            case StreamerCommands.Authenticate:
                Authenticate(message);
                return default;
            case StreamerCommands.Login:
                return LoginAsync(message);
            case StreamerCommands.Register:
                return RegisterAsync(message);
            case StreamerCommands.Logout when _phase != Phase.Peer:
                End(new Ending(null));
                return default;
            case StreamerCommands.ServerAnnounce or StreamerCommands.LockRequest or StreamerCommands.LockAllowed or StreamerCommands.LockDenied:
                if (_phase == Phase.Peer)
                {
                    return _gateway.ReceiveAsync(_peer, message);
                }

                Refuse($"{message.Command} is for servers; this connection has not authenticated as one");
                return default;
            case StreamerCommands.InvalidMessage or StreamerCommands.AuthenticationFail:
                Reason ??= $"{message.Command} {Printable.Cut(message.Info, 200)}";
                End(new Ending(null));
                return default;
            default:
                Refuse(IsKnown(message.Command)
                    ? $"{message.Command} is not for {(_phase == Phase.Peer ? "a connection between servers" : "servers")}"
                    : $"the command '{Printable.Cut(message.Command)}' is unknown");
                return default;
        }
    }

    private void Authenticate(StreamerMessage message)
    {
        if (_phase == Phase.Peer)
        {
            Refuse("this server has already authenticated");
        }
        else if (!_isFirst || _phase != Phase.Nobody)
        {
            Refuse("AUTHENTICATE is the first message of a server, and this connection is a client's");
        }
        else if (!_gateway.Throttle.MayTrySecret(_from?.Address))
        {
            End(StreamerCommands.AuthenticationFail, "too many wrong secrets came from your address; come back in a minute");
        }
        else if (!_gateway.IsSecret(message.Secret))
        {
            _gateway.Throttle.OnWrongSecret(_from?.Address);
            End(StreamerCommands.AuthenticationFail, "the supplied secret is incorrect");
        }
        else
        {
            BecomePeer("it dialled");
        }
    }

    private async ValueTask LoginAsync(StreamerMessage message)
    {
        if (_phase != Phase.Nobody)
        {
            Refuse(_phase == Phase.Client ? $"already logged in as {_username}" : "LOGIN is not for a connection between servers");
            return;
        }

        if (message.Username != Username.Anonymous)
        {
            var login = await _gateway.Throttle.LoginAsync(message.Username, message.Secret, _from?.Address, _gateway.Stopping);
            if (login.Credential is null)
            {
                var isWrong = login.Refusal!.Type == ErrorType.Unauthenticated; // No credential, so a refusal.
                End(StreamerCommands.LoginFailed, isWrong ? "attempt to login with a wrong username or secret" : login.Refusal.Detail);
                return;
            }
        }

        if (_node.Grants.MaySubscribe(message.Username, _gateway.Channel) is { } refusal)
        {
            End(StreamerCommands.LoginFailed, refusal.Detail);
            return;
        }

        var success = StreamerLines.Info(StreamerCommands.LoginSuccess, $"logged in as user {message.Username}");
        if (await _gateway.AdmitAsync() is { } elsewhere)
        {
            TrySend(success); // The last one but one: whether there is room does not matter.
            End(new Ending(StreamerLines.Redirect(elsewhere.Hostname, elsewhere.Port)));
            return;
        }

        _username = message.Username;
        _secretDigest = DigestOf(message.Secret);
        _phase = Phase.Client;

        // The first that comes after the answer is what was published after it: what this very client has sent behind its login, too, so that waits until there is a subscription.
        _reader.Subscribe([_gateway.Channel], after: null, _ => success);
        await _reader.DrainAsync(_gateway.Stopping).AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask RegisterAsync(StreamerMessage message)
    {
        if (_phase != Phase.Nobody)
        {
            Refuse(_phase == Phase.Client ? $"REGISTER is not for somebody who is logged in, as {_username}" : "REGISTER is not for a connection between servers");
            return;
        }

        var refusal = _gateway.Throttle.MayRegister(_from?.Address, out var retryAfter)
            ? await RegisterInTimeAsync(message)
            : new Refusal(ErrorType.RateLimited, $"too many registrations from your address; come back in {Math.Ceiling(retryAfter.TotalSeconds):0} s");
        if (refusal is null)
        {
            await _gateway.SpreadAsync(); // Whoever is redirected next must be known there.
            _isOverfull |= !TrySend(StreamerLines.Info(StreamerCommands.RegisterSuccess, $"register success for {message.Username}"));
            return;
        }

        End(StreamerCommands.RegisterFailed, refusal.Type == ErrorType.Taken ? $"{message.Username} is already registered with the system" : refusal.Detail);
    }

    /// <summary>
    /// Registers. The protocol has no word for what is not decided yet, so a claim that its voters take long to decide is waited for as long as other servers are. Ends; a
    /// registration is not left half done when the client goes.
    /// </summary>
    private async ValueTask<Refusal?> RegisterInTimeAsync(StreamerMessage message)
    {
        var start = _node.Time.GetTimestamp();
        while (true)
        {
            var attempt = _node.Time.GetTimestamp();
            var refusal = await _node.Accounts.RegisterAsync(message.Username, message.Secret, CancellationToken.None);

            // What is undecided at once is no claim that waits: somebody else is registering the name, or a server went away.
            var hasWaited = _node.Time.GetElapsedTime(attempt) >= _node.Options.ClaimWait;
            if (refusal?.Type != ErrorType.Undecided || !hasWaited || _node.Time.GetElapsedTime(start) >= _gateway.Options.LockWait || _gateway.Stopping.IsCancellationRequested)
            {
                return refusal;
            }
        }
    }

    private void Publish(StreamerMessage message)
    {
        if (message.Command == StreamerCommands.ActivityBroadcast)
        {
            TakeBroadcast(message);
            return;
        }

        if (_phase == Phase.Peer)
        {
            Refuse("ACTIVITY_MESSAGE is not for a connection between servers");
            return;
        }

        if (_phase == Phase.Nobody || message.Username != _username || !IsSecret(message.Secret))
        {
            End(StreamerCommands.AuthenticationFail, _phase == Phase.Nobody
                ? "log in before you publish"
                : $"the username and secret are not those of {_username}, who is logged in");
            return;
        }

        if (_node.Grants.MayPublish(_username, _gateway.Options.Channel) is { } refusal)
        {
            End(StreamerCommands.AuthenticationFail, refusal.Detail);
            return;
        }

        var body = new PublishBody(BroadcastLine.WithUser(message.Activity.Span, _username));
        if (_node.Seen.Count > 1)
        {
            body = body with { After = _reader.Delivered }; // What this client was shown; with one region it says nothing.
        }

        _batch.Add(new Command.Publish(_gateway.Options.Channel, _username, body, this));
    }

    /// <summary>Hands activities over.</summary>
    private async ValueTask SubmitAsync()
    {
        if (_batch.Count == 0)
        {
            return;
        }

        if (_phase == Phase.Client)
        {
            _gateway.Throttle.Pace(_username, _from?.Address, _batch.Count); // Before any is answered, as in a session of frames.
        }

        if (await (_window ??= new PublishWindow(_node)).SubmitAsync(_batch) < _batch.Count)
        {
            Refuse($"the activity was not recorded: {_node.NotReady ?? "The node is stopping."}");
        }

        _batch.Clear();
    }

    private bool IsSecret(string secret) => _username == Username.Anonymous || CryptographicOperations.FixedTimeEquals(_secretDigest, DigestOf(secret));

    private static byte[] DigestOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static bool IsKnown(string command) => command is StreamerCommands.LoginSuccess or StreamerCommands.LoginFailed or StreamerCommands.Redirect
        or StreamerCommands.RegisterFailed or StreamerCommands.RegisterSuccess or StreamerCommands.Logout;
}
