using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Chatting.Classic;

/// <summary>A talker of the classic conversation with a connection to its server.</summary>
internal sealed class ClassicClient : IAsyncDisposable
{
    private readonly StentorClient _client;
    private readonly string _channel;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ClassicTalker _talker;
    private readonly CancellationTokenSource _end = new();
    private readonly Action<string> _say;
    private Task _listening = Task.CompletedTask;

    private ClassicClient(StentorClient client, string channel, ClassicTalker talker, Action<string> say, TimeProvider time) =>
        (_client, _channel, _talker, _say, _time) = (client, channel, talker, say, time);

    /// <summary>Joins the conversation: reads what was said before, then listens.</summary>
    /// <param name="client">The client; not disposed of.</param>
    /// <param name="channel">Where they talk.</param>
    /// <param name="name">The talker, as typed: <c>alice</c> becomes Alice.</param>
    /// <param name="say">Told what the talker is told. From any thread.</param>
    /// <param name="time">The clock for waiting.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CommandException">The server's region has no number for a name.</exception>
    public static async Task<ClassicClient> JoinAsync(StentorClient client, string channel, string name, Action<string> say, TimeProvider time, CancellationToken cancellationToken)
    {
        var region = (await client.GetClusterAsync(cancellationToken)).GetProperty("region").GetString() ?? "";
        var server = ClassicMessage.ServerOf(region)
            ?? throw new CommandException($"The classic conversation is for regions that are called 1, 2, 3 and so on; this one is called '{Printable.Cut(region)}'. Without --classic, any region will do.");
        var joined = new ClassicClient(client, channel, new ClassicTalker(char.ToUpperInvariant(name[0]) + name[1..], server), say, time);
        await joined.ListenAsync(cancellationToken);
        return joined;
    }

    /// <summary>The server's number.</summary>
    public int Server => _talker.Server;

    /// <summary>Waits, and moves the clock by as much.</summary>
    /// <param name="seconds">How long.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WaitAsync(int seconds, CancellationToken cancellationToken)
    {
        await Task.Delay(TimeSpan.FromSeconds(seconds), _time, cancellationToken);
        lock (_lock)
        {
            _say(_talker.Waited(seconds));
        }
    }

    /// <summary>Says a word: at once, after a stall, or not at all.</summary>
    /// <param name="word">The word.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What was said; null when it was refused.</returns>
    /// <exception cref="StentorException">It cannot be published.</exception>
    public async Task<ClassicMessage?> SayAsync(ClassicWord word, CancellationToken cancellationToken)
    {
        ClassicVerdict verdict;
        lock (_lock)
        {
            verdict = _talker.Consider(word);
        }

        if (verdict.Message.Length > 0)
        {
            _say(verdict.Message);
        }

        if (verdict.IsRefused)
        {
            return null;
        }

        await Task.Delay(TimeSpan.FromSeconds(verdict.StallSeconds), _time, cancellationToken);
        var message = new ClassicMessage(_talker.Name, word, _talker.Server, verdict.Time);
        await _client.PublishAsync(message.ToPublish(_channel), cancellationToken);
        lock (_lock)
        {
            return _talker.Say(word, verdict.Time);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _listening;
        _end.Dispose();
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        var after = SubscribeOptions.Start;
        try
        {
            await foreach (var received in _client.ReadAllAsync(_channel, onGap: _ => { }, cancellationToken: cancellationToken))
            {
                Hear(received);
                after = received.Seen;
            }
        }
        catch (StentorException e) when (e.Type == ErrorType.NotFound)
        {
            // Nobody has said anything yet.
        }

        var subscription = _client.Subscribe(_channel, new SubscribeOptions { After = after, OnGap = _ => { } });
        await subscription.OpenAsync(cancellationToken);
        _listening = HearAllAsync(subscription);
    }

    private async Task HearAllAsync(Subscription subscription)
    {
        await using (subscription)
        {
            try
            {
                await foreach (var received in subscription.WithCancellation(_end.Token))
                {
                    Hear(received);
                }
            }
            catch (OperationCanceledException)
            {
                // The talker has left.
            }
            catch (StentorException e)
            {
                _say($"Not listening any more: {e.Type}: {e.Detail}");
            }
        }
    }

    private void Hear(ReceivedActivity received)
    {
        if (ClassicMessage.Read(received) is { } message)
        {
            lock (_lock)
            {
                _talker.Shown(message);
            }
        }
    }
}
