using System.Collections.Concurrent;
using System.Globalization;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <content>What a client asks for, and how it is answered.</content>
internal sealed partial class FrameSession
{
    // Refs that are no plain whole number wait here, in the order of their publishes; such a publish carries this in place of its ref.
    private const long OtherRef = -1;
    private const long NoRef = -2;

    private static readonly ConcurrentQueue<List<Command>> Batches = new();

    private ChannelNames? _channels;
    private ConcurrentQueue<ReadOnlyMemory<byte>>? _otherRefs;
    private TaskCompletionSource? _answered;
    private string? _pacedAs;
    private int _inFlight;
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
            await PaceAsync(publishes);
        }

        // Silence counts from here: what came meanwhile has not been read yet.
        OnHeard();
        _isHandling = false;
    }

    /// <summary>Counts publishes, and waits until more may come; a stop ends the wait, and what was taken is then answered.</summary>
    private async ValueTask PaceAsync(int publishes)
    {
        if (_gateway.Throttle.Pace(_username, _from?.Address, publishes) is var pause && pause > TimeSpan.Zero)
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
        Interlocked.Add(ref _inFlight, -_outcomes);
        _outcomes = 0;
        Interlocked.Exchange(ref _answered, null)?.TrySetResult();
    }

    /// <summary>Answers a publish when other regions have it on disk too. Others that came after it may be answered before it.</summary>
    private async Task AnswerWithCopiesAsync(Outcome outcome)
    {
        var copies = await _node.WaitForCopiesAsync(outcome.Origin, outcome.Seq, outcome.Command.Body.Copies);
        WriteOutcome(outcome, copies);
        _reader.Flush();
        Interlocked.Decrement(ref _inFlight);
        Interlocked.Exchange(ref _answered, null)?.TrySetResult();
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

    /// <summary>Waits until no more than a number of publishes wait for their outcome.</summary>
    private async ValueTask OutcomesAsync(int inFlightMax, CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _inFlight) > inFlightMax)
        {
            // Put there before the second look: one of the two sees the other.
            var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _answered, answered);
            if (Volatile.Read(ref _inFlight) > inFlightMax)
            {
                await answered.Task.WaitAsync(cancellationToken);
            }
        }
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

    /// <summary>Hands publishes over, as the bounds allow.</summary>
    private async ValueTask SubmitAsync(List<Command> batch)
    {
        if (batch.Count > 0 && _pacedAs != _username)
        {
            // What others have published too much under this name, or from this address, holds up a new connection too.
            _pacedAs = _username;
            await PaceAsync(0);
        }

        var options = _node.Options;
        var most = Math.Max(1, Math.Min(options.Limits.InFlightMax, options.QueueMax / 2));
        for (var taken = 0; taken < batch.Count;)
        {
            var count = Math.Min(most, batch.Count - taken);
            if (Volatile.Read(ref _inFlight) + count > options.Limits.InFlightMax)
            {
                await OutcomesAsync(options.Limits.InFlightMax - count, CancellationToken.None); // Ends: what was submitted is always answered.
            }

            Interlocked.Add(ref _inFlight, count);
            while (!_node.TryPublish(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(batch).Slice(taken, count)))
            {
                if (_node.NotReady is not null || _node.Completion.IsCompleted)
                {
                    Refuse(batch, taken, count);
                    break;
                }

                await _node.WaitForRoomAsync(CancellationToken.None); // Ends with the node at the latest.
            }

            taken += count;
        }

        batch.Clear();
    }

    private void Refuse(List<Command> batch, int from, int count)
    {
        Interlocked.Add(ref _inFlight, -count);
        var refusal = new Refusal(ErrorType.NotReady, _node.NotReady ?? "The node is stopping.");
        Span<byte> digits = stackalloc byte[20];
        foreach (var command in batch.GetRange(from, count))
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

        (_otherRefs ??= new()).Enqueue(reference);
        return OtherRef;
    }

    private ReadOnlySpan<byte> RefOf(Command.Publish publish, Span<byte> digits)
    {
        if (publish.Ref == NoRef)
        {
            return default;
        }

        if (publish.Ref == OtherRef)
        {
            return _otherRefs!.TryDequeue(out var reference) ? reference.Span : default; // Put there when the publish was made.
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
