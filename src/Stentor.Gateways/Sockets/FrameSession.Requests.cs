using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <content>What a client asks for, and how it is answered.</content>
internal sealed partial class FrameSession
{
    private const long NoRef = -1;

    private static readonly ConcurrentQueue<List<Command>> Batches = new();

    private ChannelNames? _channels;

    // Refs that are no plain whole number wait here; such a publish carries a number below this one in place of its ref.
    private ConcurrentDictionary<long, ReadOnlyMemory<byte>>? _otherRefs;
    private long _lastOtherRef = NoRef;
    private PublishWindow? _window;
    private string? _pacedAs;
    private int _outcomes;
    private volatile bool _isOverfull;

    /// <summary>Handles what one read brought: frames with line feeds between them.</summary>
    /// <param name="text">The frames; kept by what they publish.</param>
    public async ValueTask HandleAsync(ReadOnlyMemory<byte> text)
    {
        _isHandling = true;
        var batch = Batches.TryDequeue(out var free) ? free : [];
        var publishes = 0;
        while (!text.IsEmpty && !IsEnding)
        {
            var end = text.Span.IndexOf((byte)'\n');
            var line = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (Read(line, batch) is { } request)
            {
                publishes += batch.Count;
                await SubmitAsync(batch);
                await AnswerAsync(request);
            }
        }

        publishes += batch.Count;
        await SubmitAsync(batch);
        Batches.Enqueue(batch);
        _reader.Flush();

        await SettleAsync();
        if (publishes > 0)
        {
            await PaceAsync();
        }

        // Silence counts from here: what came meanwhile has not been read yet.
        OnHeard();
        _isHandling = false;
    }

    /// <summary>Waits until more publishes may come; a stop ends the wait, and what was taken is then answered.</summary>
    private async ValueTask PaceAsync()
    {
        if (_gateway.Throttle.Pace(_username, _from?.Address, 0) is var pause && pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, _node.Time, _gateway.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits while more answers wait unsent than may: who asks and does not listen is not read until it has.</summary>
    public async ValueTask SettleAsync()
    {
        if (_isOverfull)
        {
            _isOverfull = false;
            await _reader.DrainAsync(_gateway.Stopping);
        }
    }

    /// <inheritdoc/>
    public void OnOutcome(in Outcome outcome)
    {
        if (outcome.Refusal is null && outcome.Command.Body.Copies > 1)
        {
            _ = AnswerWithCopiesAsync(outcome); // Ends: the wait for copies has a bound, and what is written to a connection that is gone is dropped.
            return;
        }

        _outcomes++;
        WriteOutcome(outcome, copies: 1);
    }

    /// <inheritdoc/>
    public void OnCommitEnd()
    {
        _reader.Flush();
        _window!.OnAnswered(_outcomes); // It was there when the publish was made.
        _outcomes = 0;
    }

    /// <summary>Answers a publish when other regions have it on disk too. Others that came after it may be answered before it.</summary>
    private async Task AnswerWithCopiesAsync(Outcome outcome)
    {
        var copies = await _node.WaitForCopiesAsync(outcome.Origin, outcome.Seq, outcome.Command.Body.Copies);
        WriteOutcome(outcome, copies);
        _reader.Flush();
        _window!.OnAnswered(1); // It was there when the publish was made.
    }

    private void WriteOutcome(in Outcome outcome, int copies)
    {
        Span<byte> digits = stackalloc byte[20];
        var reference = RefOf(outcome.Command, digits);
        var builder = Builder;
        if (outcome.Refusal is null)
        {
            ServerFrames.WriteOk(reference, outcome, copies, builder.Json);
        }
        else
        {
            ServerFrames.WriteError(reference, outcome.Refusal, TimeSpan.Zero, builder.Json);
        }

        Write(builder.Finish(_form));
    }

    /// <summary>Reads one frame. A publish goes to the batch; what else it asks for is returned.</summary>
    private Request? Read(ReadOnlyMemory<byte> line, List<Command> batch)
    {
        if (line.Span.Trim(" \t\r"u8).IsEmpty)
        {
            return null;
        }

        if (line.Length > FrameBytesMax)
        {
            OnFrameTooLong();
            return null;
        }

        try
        {
            var frame = ClientFrame.Parse(line, _node.Options.Limits);
            if (frame.Op == ClientOp.Publish)
            {
                Publish(frame, batch);
                return null;
            }

            return frame.Op == ClientOp.Pong
                ? null
                : new Request(frame.Op, frame.Ref, frame.Channels, frame.After, frame.Inbox, frame.Username, frame.Secret, frame.Token, frame.Seen);
        }
        catch (ProtocolException e) when (e.Type != ErrorType.Malformed)
        {
            // The frame is whole and its size within bounds: a refusal of this one, and the next may come.
            WriteError(ClientFrame.FindRef(line), new Refusal(e.Type, e.Message), TimeSpan.Zero);
            return null;
        }
        catch (ProtocolException e)
        {
            EndWith(CloseReason.Malformed, ClientFrame.FindRef(line), new Refusal(e.Type, e.Message), TimeSpan.Zero);
            return null;
        }
    }

    private void Publish(ClientFrame frame, List<Command> batch)
    {
        var channel = (_channels ??= new ChannelNames()).Get(frame.Channel);
        if (_node.Grants.MayPublish(_username, channel) is { } refusal)
        {
            WriteError(frame.Ref, refusal, TimeSpan.Zero);
            return;
        }

        var body = frame.Body();
        if (body.After is null && _node.Seen.Count > 1)
        {
            // What this session was delivered; what it wrote is in this region's own order. With one region both say nothing, and cost nothing.
            body = body with { After = _reader.Delivered };
        }

        batch.Add(new Command.Publish(channel, _username, body, this, NumberOf(frame.Ref)));
    }

    /// <summary>Hands publishes over.</summary>
    private async ValueTask SubmitAsync(List<Command> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        if (_pacedAs != _username)
        {
            // What others have published too much under this name, or from this address, holds up a new connection too.
            _pacedAs = _username;
            await PaceAsync();
        }

        // Counted before any is answered: a connection that comes after an answer owes for what was answered.
        _gateway.Throttle.Pace(_username, _from?.Address, batch.Count);
        var taken = await (_window ??= new PublishWindow(_node)).SubmitAsync(batch);
        if (taken < batch.Count)
        {
            Refuse(CollectionsMarshal.AsSpan(batch)[taken..]);
        }

        batch.Clear();
    }

    private void Refuse(ReadOnlySpan<Command> publishes)
    {
        var refusal = new Refusal(ErrorType.NotReady, _node.NotReady ?? "The node is stopping.");
        Span<byte> digits = stackalloc byte[20];
        foreach (var command in publishes)
        {
            var builder = Builder;
            ServerFrames.WriteError(RefOf((Command.Publish)command, digits), refusal, TimeSpan.Zero, builder.Json);
            Write(builder.Finish(_form));
        }
    }

    private ValueTask AnswerAsync(Request request)
    {
        switch (request.Op)
        {
            case ClientOp.Subscribe:
                return SubscribeAsync(request);
            case ClientOp.Unsubscribe:
                _reader.Unsubscribe(request.Channels!); // The frame was checked for it.
                WriteOk(request.Ref);
                return default;
            case ClientOp.Login:
                return LoginAsync(request);
            case ClientOp.Ack:
                return AckAsync(request);
            default:
                WriteOk(request.Ref); // A ping.
                return default;
        }
    }

    private async ValueTask SubscribeAsync(Request request)
    {
        IReadOnlyList<ChannelPattern>? channels = request.Channels;
        VersionVector? after = null;
        if (request.After == "start")
        {
            after = VersionVector.Empty;
        }
        else if (request.After is not (null or "now") && !TryDecode(request.After, request.Ref, out after))
        {
            return;
        }

        if (request.Inbox is not null)
        {
            if (!IsSomebody(request.Ref))
            {
                return;
            }

            if (_node.Inboxes.Find(_username, request.Inbox) is not { } inbox)
            {
                WriteError(request.Ref, new Refusal(ErrorType.NotFound, $"'{_username}' has no inbox '{Printable.Cut(request.Inbox)}'. Make it with PUT /v1/inboxes/{{name}}."), TimeSpan.Zero);
                return;
            }

            channels ??= inbox.Channels;
            after = request.After is null ? inbox.Seen : after;
        }

        foreach (var channel in channels!) // The frame names channels or an inbox.
        {
            if (_node.Grants.MaySubscribe(_username, channel) is { } refusal)
            {
                WriteError(request.Ref, refusal, TimeSpan.Zero);
                return;
            }
        }

        var most = _node.Options.Limits.SubscriptionsMax;
        if (_reader.Subscriptions + channels.Count > most)
        {
            WriteError(request.Ref, new Refusal(ErrorType.TooLarge, $"This connection would have more than {most} subscriptions (limit subscriptions-max). Use a pattern, or another connection."), TimeSpan.Zero);
            return;
        }

        if (after is not null && await _node.WaitForCoverageAsync(after, _node.Options.CatchUpWait, _gateway.Stopping) is { } missing)
        {
            WriteError(request.Ref, new Refusal(ErrorType.Behind, $"This region has not seen {missing}, which your token covers. Try again, or in another region.", missing), TimeSpan.Zero);
            return;
        }

        var reference = request.Ref;
        _reader.Subscribe(channels, after, seen =>
        {
            var builder = Builder;
            ServerFrames.WriteOk(reference.Span, seen, builder.Json);
            return builder.Finish(_form).ToArray();
        });
    }

    private async ValueTask LoginAsync(Request request)
    {
        if (request.Token is not null)
        {
            if (_node.Accounts.CheckToken(request.Token) is not { } session)
            {
                WriteError(request.Ref, new Refusal(ErrorType.Unauthenticated, "The session is over, or never was. Open one with POST /v1/sessions."), TimeSpan.Zero);
                return;
            }

            (_username, _session) = (session.Username, session);
            WriteOk(request.Ref);
            return;
        }

        // Checked by the frame: without a token there are both.
        var login = await _gateway.Throttle.LoginAsync(request.Username!, request.Secret!, _from?.Address, _gateway.Stopping);
        if (login.Credential is not null)
        {
            (_username, _session) = (login.Credential.Username, null);
            WriteOk(request.Ref);
            return;
        }

        var refusal = login.Refusal!; // No credential, so a refusal.
        if (refusal.Type == ErrorType.RateLimited)
        {
            EndWith(CloseReason.Unauthenticated, request.Ref, refusal, login.RetryAfter);
            return;
        }

        WriteError(request.Ref, refusal, login.RetryAfter);
    }

    /// <summary>Whether an account is known, whose the inbox may be; refuses the frame when none is.</summary>
    private bool IsSomebody(ReadOnlyMemory<byte> reference)
    {
        if (_username != Username.Anonymous)
        {
            return true;
        }

        WriteError(reference, new Refusal(ErrorType.Unauthenticated, "An inbox is somebody's: log in first."), TimeSpan.Zero);
        return false;
    }

    private async ValueTask AckAsync(Request request)
    {
        if (!IsSomebody(request.Ref) || !TryDecode(request.Seen!, request.Ref, out var seen)) // Checked by the frame.
        {
            return;
        }

        if (await _node.Inboxes.AckAsync(_username, request.Inbox!, seen, _gateway.Stopping) is { } refusal)
        {
            WriteError(request.Ref, refusal, TimeSpan.Zero);
            return;
        }

        WriteOk(request.Ref);
    }

    private bool TryDecode(string token, ReadOnlyMemory<byte> reference, out VersionVector seen)
    {
        try
        {
            seen = SeenToken.Decode(token);
            return true;
        }
        catch (ProtocolException e)
        {
            seen = VersionVector.Empty;
            EndWith(CloseReason.Malformed, reference, new Refusal(e.Type, e.Message), TimeSpan.Zero);
            return false;
        }
    }

    /// <summary>A ref as a number that a publish carries; those that are none are kept beside.</summary>
    private long NumberOf(ReadOnlyMemory<byte> reference)
    {
        if (reference.IsEmpty)
        {
            return NoRef;
        }

        // Only what comes out again as it went in: no sign, no leading zero, no decimals.
        var digits = reference.Span;
        if (digits.Length <= 18 && (digits[0] != (byte)'0' || digits.Length == 1) && !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return long.Parse(digits, CultureInfo.InvariantCulture);
        }

        (_otherRefs ??= new(concurrencyLevel: 1, capacity: 7))[--_lastOtherRef] = reference;
        return _lastOtherRef;
    }

    private ReadOnlySpan<byte> RefOf(Command.Publish publish, Span<byte> digits)
    {
        if (publish.Ref == NoRef)
        {
            return default;
        }

        if (publish.Ref < NoRef)
        {
            return _otherRefs!.TryRemove(publish.Ref, out var reference) ? reference.Span : default; // Put there when the publish was made.
        }

        System.Buffers.Text.Utf8Formatter.TryFormat(publish.Ref, digits, out var written);
        return digits[..written];
    }

    /// <summary>What a frame other than a publish asks for.</summary>
    private sealed record Request(
        ClientOp Op,
        ReadOnlyMemory<byte> Ref,
        List<ChannelPattern>? Channels,
        string? After,
        string? Inbox,
        string? Username,
        string? Secret,
        string? Token,
        string? Seen);
}
