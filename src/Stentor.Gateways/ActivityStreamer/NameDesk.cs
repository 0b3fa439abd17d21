using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Stentor.Node;

namespace Stentor.Gateways;

/// <summary>
/// Looks usernames up for other servers. Each costs a slow hash and perhaps a claim, so they wait in bounded queues; what concerns one name is done in its
/// order. Any thread may call.
/// </summary>
internal sealed class NameDesk : IDisposable
{
    // As many names at once, since a claim waits for other regions; and how many may wait in each queue.
    private const int Queues = 8;
    private const int WaitingMax = 128;

    private readonly Accounts _accounts;
    private readonly Action<LockQuestion, bool> _answer;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<Work>[] _queues = new Channel<Work>[Queues];

    /// <summary>Makes the desk.</summary>
    /// <param name="accounts">The accounts.</param>
    /// <param name="answer">Takes the answer to a question.</param>
    /// <param name="log">Where faults go.</param>
    public NameDesk(Accounts accounts, Action<LockQuestion, bool> answer, ILogger log)
    {
        (_accounts, _answer, _log) = (accounts, answer, log);
        for (var i = 0; i < Queues; i++)
        {
            _queues[i] = Channel.CreateBounded<Work>(new BoundedChannelOptions(WaitingMax) { SingleReader = true });
            _ = RunAsync(_queues[i].Reader); // Ends with the desk; it catches what a name can throw.
        }
    }

    /// <summary>Asks whether a name may be registered elsewhere; false when there is no room.</summary>
    public bool TryAsk(LockQuestion question) => QueueOf(question.Username).Writer.TryWrite(new Work(question.Username, question.Secret, question));

    /// <summary>Forgets a name that was recorded for another server; false when there is no room.</summary>
    public bool TryRelease(string username, string secret) => QueueOf(username).Writer.TryWrite(new Work(username, secret, null));

    /// <summary>Waits until there is room for more about a name.</summary>
    public async ValueTask WaitForRoomAsync(string username, CancellationToken cancellationToken) => await QueueOf(username).Writer.WaitToWriteAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var queue in _queues)
        {
            queue.Writer.TryComplete();
        }

        _stopping.Cancel();
    }

    private Channel<Work> QueueOf(string username) => _queues[(uint)string.GetHashCode(username, StringComparison.Ordinal) % Queues];

    private async Task RunAsync(ChannelReader<Work> queue)
    {
        try
        {
            await foreach (var work in queue.ReadAllAsync(_stopping.Token))
            {
                await DoAsync(work);
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway stops; whoever waits for an answer notices that it is gone.
        }
    }

    private async Task DoAsync(Work work)
    {
        try
        {
            if (work.Question is { } question)
            {
                _answer(question, await _accounts.AllowsAsync(work.Username, work.Secret, question.IsOurs, _stopping.Token));
            }
            else
            {
                await _accounts.ForgetForeignAsync(work.Username, work.Secret, _stopping.Token);
            }
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            // A disk that does not read: this name has no answer, the next one may.
            StreamerLog.NameFailed(_log, e);
        }
    }

    private sealed record Work(string Username, string Secret, LockQuestion? Question);
}
