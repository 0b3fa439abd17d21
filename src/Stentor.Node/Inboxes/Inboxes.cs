using System.Globalization;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>A durable subscription: the node remembers what its owner has seen.</summary>
/// <param name="Owner">Whose it is.</param>
/// <param name="Name">Its name: one channel token.</param>
/// <param name="Channels">What it takes.</param>
/// <param name="Seen">What its owner has seen.</param>
public sealed record Inbox(string Owner, string Name, IReadOnlyList<ChannelPattern> Channels, VersionVector Seen);

/// <summary>
/// Inboxes, kept as states of the reserved channels <c>_inboxes.OWNER.NAME</c>: field <c>channels</c> a list; fields <c>seen</c> (from the start) and
/// <c>seen/REGION</c> tokens that together are the cursor. Each region moves a field of its own: where two do at the same time, neither's progress is lost, and
/// the cursor that an owner finds in another region never goes back. Any thread may call.
/// </summary>
/// <param name="node">The node.</param>
public sealed class Inboxes(StentorNode node)
{
    /// <summary>Longest name, in characters.</summary>
    public const int NameLengthMax = 64;

    private const string SeenField = "seen";

    // Two connections of one owner that move a cursor at the same moment try again; more than a few rounds means something else is wrong.
    private const int RoundsMax = 16;

    /// <summary>Whether <paramref name="name"/> can be an inbox's name: one channel token of at most <see cref="NameLengthMax"/> characters.</summary>
    /// <param name="name">Any text.</param>
    public static bool IsValidName(string name) => name.Length <= NameLengthMax && !name.Contains('.', StringComparison.Ordinal) && ChannelName.IsValid(name);

    /// <summary>Makes an inbox, or changes what an existing one takes; its cursor stays.</summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="channels">What it takes; allowed already.</param>
    /// <param name="after">For a new one: what its owner has seen; null for everything until now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<(Inbox? Inbox, Refusal? Refusal)> PutAsync(string owner, string name, IReadOnlyList<ChannelPattern> channels, VersionVector? after, CancellationToken cancellationToken)
    {
        if (!IsValidName(name))
        {
            return (null, new Refusal(ErrorType.Malformed, $"'{Printable.Cut(name)}' is not an inbox name: 1 to {NameLengthMax} of A-Z a-z 0-9 _ -."));
        }

        if (channels.Count == 0)
        {
            return (null, new Refusal(ErrorType.Malformed, "`channels` is empty; an inbox takes at least one channel or pattern."));
        }

        var channel = ChannelOf(owner, name);
        for (var round = 0; round < RoundsMax; round++)
        {
            var state = node.Store.Find(channel);
            var seen = (state is null ? null : CursorOf(state)) ?? after ?? node.Seen;
            var list = new FieldSet("channels", ListOf(channels));
            var effect = state is null
                ? new Effect([list, new(SeenField, JsonValue.Text(SeenToken.Encode(seen)))], [], [])
                : new Effect([list], [], []);
            var body = new PublishBody(default, effect, Exists: state is not null, After: state is null ? after : null);
            var outcome = await node.PublishAsync(channel, owner, body, cancellationToken);
            if (outcome.Refusal is null)
            {
                return (new Inbox(owner, name, channels, seen), null);
            }

            if (outcome.Refusal.Type != ErrorType.ConditionNotMet)
            {
                return (null, outcome.Refusal);
            }
        }

        return (null, Busy(name));
    }

    /// <summary>Finds an inbox; null when there is none.</summary>
    /// <param name="owner">Whose.</param>
    /// <param name="name">Its name.</param>
    public Inbox? Find(string owner, string name)
    {
        if (!IsValidName(name) || node.Store.Find(ChannelOf(owner, name)) is not { } state || CursorOf(state) is not { } seen)
        {
            return null;
        }

        return JsonValue.ToTexts(state.Field("channels")) is { } channels ? new Inbox(owner, name, [.. channels.Select(ChannelPattern.Parse)], seen) : null;
    }

    /// <summary>Moves the cursor forward; it never goes back.</summary>
    /// <param name="owner">Whose.</param>
    /// <param name="name">Its name.</param>
    /// <param name="seen">What its owner has seen.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the cursor covers <paramref name="seen"/>; otherwise why not (not found, behind, not ready).</returns>
    public async ValueTask<Refusal?> AckAsync(string owner, string name, VersionVector seen, CancellationToken cancellationToken)
    {
        for (var round = 0; round < RoundsMax; round++)
        {
            var state = IsValidName(name) ? node.Store.Find(ChannelOf(owner, name)) : null;
            if (state is null || CursorOf(state) is not { } cursor)
            {
                return Unknown(name);
            }

            if (cursor.Covers(seen))
            {
                return null;
            }

            var effect = new Effect([new($"{SeenField}/{node.Options.Region}", JsonValue.Text(SeenToken.Encode(cursor.Merge(seen))))], [], []);
            // `After` makes the region refuse a token that it does not cover: a forged one would skip what nobody has seen.
            var body = new PublishBody(default, effect, Version: state.Version, After: seen);
            var outcome = await node.PublishAsync(ChannelOf(owner, name), owner, body, cancellationToken);
            if (outcome.Refusal?.Type != ErrorType.ConditionNotMet)
            {
                return outcome.Refusal;
            }
        }

        return Busy(name);
    }

    /// <summary>The refusal for an inbox that does not exist.</summary>
    /// <param name="name">Its name.</param>
    public static Refusal Unknown(string name) => new(ErrorType.NotFound, $"You have no inbox '{Printable.Cut(name)}'. Make it with PUT /v1/inboxes/{Printable.Cut(name)}.");

    private static Refusal Busy(string name) => new(ErrorType.NotReady, $"The inbox '{name}' is being changed by too many at once. Try again.");

    private static VersionVector? CursorOf(ChannelState state)
    {
        VersionVector? cursor = null;
        foreach (var field in state.FieldsFrom(SeenField))
        {
            if (JsonValue.ToText(state.Field(field)) is { } token && SeenToken.TryDecode(token, out var seen))
            {
                cursor = cursor?.Merge(seen) ?? seen;
            }
        }

        return cursor;
    }

    private static ReadOnlyMemory<byte> ListOf(IReadOnlyList<ChannelPattern> channels)
    {
        var json = new ByteBuffer();
        json.Write("["u8);
        for (var i = 0; i < channels.Count; i++)
        {
            json.Write(i == 0 ? ""u8 : ","u8);
            JsonText.Write(channels[i].Text, json);
        }

        json.Write("]"u8);
        return json.WrittenMemory;
    }

    private static string ChannelOf(string owner, string name) => string.Create(CultureInfo.InvariantCulture, $"_inboxes.{Username.ToToken(owner)}.{name}");
}
