using System.Runtime.CompilerServices;
using Stentor.Protocol;

namespace Stentor.Client;

/// <content>Inboxes: subscriptions that the server remembers.</content>
public sealed partial class StentorClient
{
    // An acknowledgement is a publish at the server: one for so many activities costs little, and a crash brings back no more than these.
    private const int InboxPage = 100;

    // Below the longest wait that a server grants; an idle reader asks twice a minute.
    private static readonly TimeSpan InboxWait = TimeSpan.FromSeconds(30);

    // Whoever leaves wants to be gone.
    private static readonly TimeSpan LeaveWait = TimeSpan.FromSeconds(2);

    /// <summary>Makes an inbox that takes what comes from now on, or changes what an existing one takes; what its owner has seen stays.</summary>
    /// <param name="name">Its name: one token of <c>A-Z a-z 0-9 _ -</c>.</param>
    /// <param name="channels">Channels and patterns.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public Task PutInboxAsync(string name, IEnumerable<string> channels, CancellationToken cancellationToken = default) => PutInboxAsync(name, channels, after: null, cancellationToken);

    /// <summary>Makes an inbox, or changes what an existing one takes; what its owner has seen stays.</summary>
    /// <param name="name">Its name: one token of <c>A-Z a-z 0-9 _ -</c>.</param>
    /// <param name="channels">Channels and patterns.</param>
    /// <param name="after">For a new one: the token of what its owner has seen; null for everything until now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public async Task PutInboxAsync(string name, IEnumerable<string> channels, string? after, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var json = new ByteBuffer(256);
        json.Write("{\"channels\":["u8);
        var first = true;
        foreach (var channel in channels)
        {
            CheckChannels(channel);
            json.Write(first ? ""u8 : ","u8);
            JsonText.Write(channel, json);
            first = false;
        }

        json.Write("]"u8);
        if (after is not null)
        {
            json.Write(",\"after\":"u8);
            JsonText.Write(after, json);
        }

        json.Write("}"u8);
        await _api.SendAsync(new ApiRequest(HttpMethod.Put, InboxPath(name)) { Body = json.WrittenSpan.ToArray() }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// What came to an inbox and is not acknowledged yet, and then what comes, for ever. An activity counts as seen when the consumer asks for the one after it
    /// (or leaves the loop later): that is acknowledged at least once a hundred activities and before each wait. A consumer that crashes gets what was not acknowledged again.
    /// </summary>
    /// <param name="name">The inbox.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">There is no such inbox, it is refused, or there is no answer in time.</exception>
    public async IAsyncEnumerable<ReceivedActivity> ReadInboxAsync(string name, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _end.Token);
        var filter = new RepeatFilter();
        filter.StartAfter(VersionVector.Empty);
        string? handled = null;
        try
        {
            while (true)
            {
                var page = await PullInboxAsync(name, InboxPage, InboxWait, filter, end.Token).ConfigureAwait(false);
                foreach (var activity in page.Activities)
                {
                    _session.Add(activity.SeenVector);
                    yield return activity;
                    handled = activity.Seen;
                }

                if (page.Activities.Count > 0)
                {
                    handled = null;
                    await AckInboxAsync(name, page.Seen, end.Token).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            if (handled is not null)
            {
                await AckOnLeavingAsync(name, handled).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One answer's worth of what came to an inbox and is not acknowledged yet. The caller acknowledges (<see cref="AckInboxAsync"/>).</summary>
    /// <param name="name">The inbox.</param>
    /// <param name="limit">Most activities; 1 to 1,000.</param>
    /// <param name="wait">How long the server waits when there is none; at most 60 s.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">There is no such inbox, it is refused, or there is no answer in time.</exception>
    public async Task<ActivityPage> PullInboxAsync(string name, int limit = 100, TimeSpan wait = default, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        var filter = new RepeatFilter();
        filter.StartAfter(VersionVector.Empty);
        var page = await PullInboxAsync(name, limit, wait, filter, cancellationToken).ConfigureAwait(false);
        _session.Add(Decode(page.Seen));
        return page;
    }

    /// <summary>Tells the server what the owner of an inbox has seen; it never goes back.</summary>
    /// <param name="name">The inbox.</param>
    /// <param name="seen">A seen token: of a page, or of an activity in it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">There is no such inbox, it is refused, or there is no answer in time.</exception>
    public async Task AckInboxAsync(string name, string seen, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        await _api.SendAsync(new ApiRequest(HttpMethod.Post, InboxPath(name) + "/ack") { Body = Body(("seen", seen)) }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The consumer left in the middle of a page, by cancellation perhaps: that does not cancel this, but it is quick or not at all.</summary>
    private async Task AckOnLeavingAsync(string name, string handled)
    {
        using var quick = new CancellationTokenSource(LeaveWait, _options.Time);
        try
        {
            await AckInboxAsync(name, handled, quick.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StentorException or OperationCanceledException or ObjectDisposedException)
        {
            // Then the same activities come again: what an inbox promises after a crash, too.
            _options.OnConnection?.Invoke(new ConnectionEvent(_addresses.Current, Connected: false, $"Inbox {name} was left without an acknowledgement: {e.Message}", RetryIn: null));
        }
    }

    private async Task<ActivityPage> PullInboxAsync(string name, int limit, TimeSpan wait, RepeatFilter filter, CancellationToken cancellationToken)
    {
        CheckRead(new ReadOptions { Limit = limit, Wait = wait });
        var request = new ApiRequest(HttpMethod.Get, $"{InboxPath(name)}?limit={limit}" + (wait > TimeSpan.Zero ? $"&wait={Seconds(wait)}" : "")) { Wait = wait };
        return Answers.ReadPage(await _api.SendAsync(request, cancellationToken).ConfigureAwait(false), $"inbox {name}", filter);
    }

    private static string InboxPath(string name) => !name.Contains('.', StringComparison.Ordinal) && ChannelName.IsValid(name)
        ? $"/v1/inboxes/{name}"
        : throw StentorException.Malformed($"'{Printable.Cut(name)}' is not an inbox: one token of A-Z a-z 0-9 _ -.");
}
