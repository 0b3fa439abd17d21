using System.Runtime.InteropServices;
using Stentor.Node;
using Stentor.Replication;

namespace Stentor.Gateways;

/// <summary>
/// The publishes of one connection that wait for their outcome. One thread at a time hands more over; outcomes are counted from any thread.
/// </summary>
/// <param name="node">Where they go.</param>
internal sealed class PublishWindow(StentorNode node)
{
    private TaskCompletionSource? _answered;
    private int _inFlight;

    /// <summary>Hands publishes over, as the bounds allow: neither more than may wait for their outcome, nor more than the node has room for.</summary>
    /// <param name="batch">The publishes.</param>
    /// <returns>
    /// How many were taken. Fewer than there are only when the node takes none any more (<see cref="StentorNode.NotReady"/> says why, or it has stopped); all that
    /// were taken have their outcome then.
    /// </returns>
    public async ValueTask<int> SubmitAsync(List<Command> batch)
    {
        var options = node.Options;
        var most = Math.Max(1, Math.Min(options.Limits.InFlightMax, options.QueueMax / 2));
        var taken = 0;
        while (taken < batch.Count)
        {
            var count = Math.Min(most, batch.Count - taken);
            if (Volatile.Read(ref _inFlight) + count > options.Limits.InFlightMax)
            {
                await DrainAsync(options.Limits.InFlightMax - count, CancellationToken.None); // Ends: what was submitted is always answered.
            }

            Interlocked.Add(ref _inFlight, count);
            while (!node.TryPublish(CollectionsMarshal.AsSpan(batch).Slice(taken, count)))
            {
                if (node.NotReady is not null || node.Completion.IsCompleted)
                {
                    Interlocked.Add(ref _inFlight, -count);
                    await DrainAsync(0, CancellationToken.None); // Ends, as above. A refusal does not overtake what was taken.
                    return taken;
                }

                await node.WaitForRoomAsync(CancellationToken.None); // Ends with the node at the latest.
            }

            taken += count;
        }

        return taken;
    }

    /// <summary>Publishes have their outcome.</summary>
    /// <param name="count">How many.</param>
    public void OnAnswered(int count)
    {
        Interlocked.Add(ref _inFlight, -count);
        Interlocked.Exchange(ref _answered, null)?.TrySetResult();
    }

    /// <summary>Waits until no more than a number of publishes wait for their outcome.</summary>
    /// <param name="most">The number.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async ValueTask DrainAsync(int most, CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _inFlight) > most)
        {
            // Put there before the second look: one of the two sees the other.
            var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _answered, answered);
            if (Volatile.Read(ref _inFlight) > most)
            {
                await answered.Task.WaitAsync(cancellationToken);
            }
        }
    }
}
