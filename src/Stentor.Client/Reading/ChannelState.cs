using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>A channel's state, as of everything that this client had seen, or later.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="State">Its fields: a JSON object, empty when no effect left one.</param>
/// <param name="Version">How many activities the channel has.</param>
/// <param name="Last">The activity with the greatest stamp.</param>
/// <param name="Seen">What the state is made of: a subscription after it sees the next change.</param>
public sealed record ChannelState(string Channel, JsonElement State, long Version, LastActivity Last, string Seen)
{
    /// <summary>One field as an object of the caller's; the default of <typeparamref name="T"/> when there is no such field.</summary>
    /// <typeparam name="T">What to read.</typeparam>
    /// <param name="field">The field.</param>
    /// <param name="options">How; null for the names and rules of the web.</param>
    /// <exception cref="JsonException">The value does not fit.</exception>
    public T? Field<T>(string field, JsonSerializerOptions? options = null) =>
        State.ValueKind == JsonValueKind.Object && State.TryGetProperty(field, out var value) ? value.Deserialize<T>(options ?? JsonSerializerOptions.Web) : default;
}

/// <summary>Where and when a channel's newest activity was recorded.</summary>
/// <param name="Origin">The region.</param>
/// <param name="Seq">Its number there.</param>
/// <param name="Lamport">Its Lamport clock.</param>
/// <param name="Time">Its time.</param>
public readonly record struct LastActivity(OriginId Origin, long Seq, long Lamport, DateTimeOffset Time);

/// <summary>A channel in a listing.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Version">How many activities it has.</param>
/// <param name="Time">When the newest one was recorded.</param>
public readonly record struct ChannelSummary(string Channel, long Version, DateTimeOffset Time);
