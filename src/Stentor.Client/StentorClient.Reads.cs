using System.Runtime.CompilerServices;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <content>Pulls, states, listings, status.</content>
public sealed partial class StentorClient
{
    // What one answer may hold (limit pull-max).
    private const int ReadLimitMax = 1_000;

    /// <summary>Reads one answer's worth of a channel's history. The answer is at least as new as everything that this client has seen.</summary>
    /// <param name="channels">A channel or pattern.</param>
    /// <param name="options">Which part; null for the first 100.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public async Task<ActivityPage> ReadAsync(string channels, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        options ??= new ReadOptions();
        CheckChannels(channels);
        CheckRead(options);
        var query = $"?limit={options.Limit}"
            + (options.After is null ? "" : $"&after={Uri.EscapeDataString(options.After)}")
            + (options.Wait > TimeSpan.Zero ? $"&wait={Seconds(options.Wait)}" : "")
            + (options.Newest ? "&newest=true" : "");
        var request = new ApiRequest(HttpMethod.Get, $"{ActivitiesPath(channels)}{query}") { Wait = options.Wait, AlsoAnswers = 404 };
        var after = options.After is null ? VersionVector.Empty : Decode(options.After);
        var mustCover = _session.Vector;
        var (page, isBehind) = await PullAsync(request, channels, after, options.Newest, mustCover, cancellationToken).ConfigureAwait(false);
        if (isBehind)
        {
            // The one who answered has seen less than this client, elsewhere. It is asked to wait until it has seen as much; then again.
            await WaitUntilCoveredAsync(channels, mustCover, cancellationToken).ConfigureAwait(false);
            (page, _) = await PullAsync(request, channels, after, options.Newest, mustCover, cancellationToken).ConfigureAwait(false);
        }

        if (page is null)
        {
            throw new StentorException(ErrorType.NotFound, $"Nothing was ever published to '{channels}'.", 404);
        }

        _session.Add(Decode(page.Seen));
        return page;
    }

    /// <summary>Reads a channel's history to its present end, answer by answer.</summary>
    /// <param name="channels">A channel or pattern.</param>
    /// <param name="after">The token to read after; null for the start of what is held.</param>
    /// <param name="onGap">Told, in order with the activities, of history after <paramref name="after"/> that is no longer held; null to end with <see cref="StentorException.Gap"/> then.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public async IAsyncEnumerable<ReceivedActivity> ReadAllAsync(
        string channels, string? after = null, Action<Gap>? onGap = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var page = await ReadAsync(channels, new ReadOptions { After = after, Limit = ReadLimitMax }, cancellationToken).ConfigureAwait(false);
            foreach (var gap in page.Gaps)
            {
                if (onGap is not null)
                {
                    onGap(gap);
                }
                else if (after is not null)
                {
                    throw gap.ToException("Give onGap to go on behind the hole.");
                }
            }

            foreach (var activity in page.Activities)
            {
                yield return activity;
            }

            if (!page.More)
            {
                yield break;
            }

            after = page.Seen;
        }
    }

    /// <summary>A channel's state, at least as new as everything that this client has seen. One that did not change is not sent again.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null when nothing was ever published to it.</returns>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public async Task<ChannelState?> GetStateAsync(string channel, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        CheckChannel(channel);
        var cached = _states.TryGet(channel, out var known);
        var after = _session.Token;
        var answer = await _api.SendAsync(
            new ApiRequest(HttpMethod.Get, $"/v1/channels/{channel}" + (after is null ? "" : $"?after={Uri.EscapeDataString(after)}"))
            {
                IfNoneMatch = cached ? known.ETag : null,
                AlsoAnswers = 404,
            },
            cancellationToken).ConfigureAwait(false);
        if (answer.Status == 304 && cached)
        {
            // Unchanged, as of all that was asked for.
            return after is null ? known.State : known.State with { Seen = SeenToken.Encode(Decode(known.State.Seen).Merge(Decode(after))) };
        }

        if (answer.Status == 404)
        {
            return null;
        }

        var state = Answers.ReadState(answer);
        _session.Add(Decode(state.Seen));
        _states.Put(channel, answer.ETag, answer.Body.Length, state);
        return state;
    }

    /// <summary>The channels that match a pattern, in ordinal order of their names, answer by answer.</summary>
    /// <param name="match">A channel or pattern; null for all.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public async IAsyncEnumerable<ChannelSummary> ListChannelsAsync(string? match = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        CheckChannels(match ?? ">");
        string? next = null;
        do
        {
            var query = $"?match={Uri.EscapeDataString(match ?? ">")}&limit={ReadLimitMax}" + (next is null ? "" : $"&after={Uri.EscapeDataString(next)}");
            var answer = await _api.SendAsync(new ApiRequest(HttpMethod.Get, "/v1/channels" + query), cancellationToken).ConfigureAwait(false);
            (var channels, next) = Answers.ReadChannels(answer);
            foreach (var channel in channels)
            {
                yield return channel;
            }
        }
        while (next is not null);
    }

    /// <summary>The values of a channel that lost against a concurrent one, newest first.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public Task<JsonElement> GetConflictsAsync(string channel, CancellationToken cancellationToken = default)
    {
        CheckChannel(channel);
        return GetJsonAsync($"/v1/channels/{channel}/conflicts", cancellationToken);
    }

    /// <summary>The state of the server and its region: node, region, version vector, links, waiting room, members.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StentorException">It is refused, or there is no answer in time.</exception>
    public Task<JsonElement> GetClusterAsync(CancellationToken cancellationToken = default) => GetJsonAsync("/v1/cluster", cancellationToken);

    private async Task<JsonElement> GetJsonAsync(string path, CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        var answer = await _api.SendAsync(new ApiRequest(HttpMethod.Get, path), cancellationToken).ConfigureAwait(false);
        return Answers.Read(answer, json => json.Clone());
    }

    /// <summary>One attempt at a page. The page is null when the channel is unknown; behind means: to a server that has seen less than this client.</summary>
    private async Task<(ActivityPage? Page, bool IsBehind)> PullAsync(
        ApiRequest request, string channels, VersionVector after, bool newest, VersionVector mustCover, CancellationToken cancellationToken)
    {
        var answer = await _api.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Status == 404)
        {
            return (null, mustCover.Count > 0);
        }

        var filter = new RepeatFilter();
        filter.StartAfter(after);
        var page = Answers.ReadPage(answer, channels, filter);

        // Where there is more, the token is that of the page, not of the server; the last page tells.
        return (page, (!page.More || newest) && !Decode(page.Seen).Covers(mustCover));
    }

    /// <summary>Has a server wait until it covers <paramref name="seen"/>; one that cannot in time is left for the next.</summary>
    private async Task WaitUntilCoveredAsync(string channels, VersionVector seen, CancellationToken cancellationToken)
    {
        var request = new ApiRequest(HttpMethod.Get, $"{ActivitiesPath(channels)}?limit=1&after={SeenToken.Encode(seen)}") { AlsoAnswers = 404 };
        await _api.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private static string ActivitiesPath(string channels) => $"/v1/channels/{Uri.EscapeDataString(channels)}/activities";

    private static void CheckRead(ReadOptions options)
    {
        if (options.Limit is < 1 or > ReadLimitMax)
        {
            throw StentorException.Malformed($"`limit` must be a whole number from 1 to {ReadLimitMax}.");
        }

        if (options.Wait < TimeSpan.Zero || options.Wait > TimeSpan.FromSeconds(Limits.Default.WaitSecondsMax))
        {
            throw StentorException.Malformed($"`wait` must be 0 to {Limits.Default.WaitSecondsMax} seconds.");
        }
    }

    private static string CheckChannel(string channel) => ChannelName.IsValid(channel)
        ? channel
        : throw StentorException.Malformed($"'{Printable.Cut(channel)}' is not a channel: 1 to {ChannelName.TokensMax} tokens of A-Z a-z 0-9 _ - joined by dots, at most {ChannelName.LengthMax} characters.");

    private static void CheckChannels(string channels)
    {
        try
        {
            ChannelPattern.Parse(channels);
        }
        catch (ProtocolException e)
        {
            throw StentorException.Of(e);
        }
    }

    // Whole seconds on the wire; a shorter wait is not worth one.
    private static long Seconds(TimeSpan wait) => (long)Math.Ceiling(wait.TotalSeconds);
}
