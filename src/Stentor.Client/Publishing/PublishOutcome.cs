using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>A publish is recorded and durable.</summary>
/// <param name="Id">The publish id.</param>
/// <param name="Channel">The channel of the entry; of the first one for a duplicate.</param>
/// <param name="Origin">The region that recorded it.</param>
/// <param name="Seq">Its number there.</param>
/// <param name="Lamport">Its Lamport clock.</param>
/// <param name="Time">Its time.</param>
/// <param name="Author">As whom it was published.</param>
/// <param name="Duplicate">Whether the id was known already, maybe from an earlier attempt of this client; the stamps are those of the first time.</param>
/// <param name="Copies">How many regions had it on disk at the time of the answer; fewer than asked for when that was not reached in time.</param>
/// <param name="State">The channel's state after it, where there was an effect; else null.</param>
/// <param name="Seen">The region's seen token at the entry.</param>
public sealed record PublishOutcome(
    string Id,
    string Channel,
    OriginId Origin,
    long Seq,
    long Lamport,
    DateTimeOffset Time,
    string Author,
    bool Duplicate,
    int Copies,
    JsonElement? State,
    string Seen)
{
    /// <summary>Reads the outcome in an answer.</summary>
    /// <exception cref="StentorException">It is not there.</exception>
    internal static PublishOutcome Read(JsonElement answer, string id)
    {
        try
        {
            return new PublishOutcome(
                id,
                answer.GetProperty("channel").GetString()!, // The contract has no null here.
                new OriginId(answer.GetProperty("origin").GetString()!),
                answer.GetProperty("seq").GetInt64(),
                answer.GetProperty("lamport").GetInt64(),
                answer.GetProperty("time").GetDateTimeOffset(),
                answer.GetProperty("author").GetString()!,
                answer.GetProperty("duplicate").GetBoolean(),
                answer.GetProperty("copies").GetInt32(),
                answer.TryGetProperty("state", out var state) && state.ValueKind == JsonValueKind.Object ? state.Clone() : null,
                answer.GetProperty("seen").GetString() ?? "");
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new StentorException(ErrorType.Internal, $"The server's outcome of a publish is not as the contract says: {e.Message}", 500, e);
        }
    }
}

/// <summary>What became of one of many publishes.</summary>
/// <param name="Publish">The publish.</param>
/// <param name="Outcome">Its outcome; null when it failed.</param>
/// <param name="Error">Why it failed; null when it did not.</param>
public sealed record PublishResult(Publish Publish, PublishOutcome? Outcome, StentorException? Error);
