using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>What to publish: an activity, an effect on the channel's state, or both.</summary>
public sealed record Publish
{
    // How much is too much is the server's to say; it names its limit.
    private static readonly Limits NoLimits = Limits.Default with { ActivityBytesMax = int.MaxValue, EffectFieldsMax = int.MaxValue, FieldNameBytesMax = int.MaxValue };

    /// <summary>The channel.</summary>
    public required string Channel { get; init; }

    /// <summary>The activity: a JSON object in UTF-8. Empty for none.</summary>
    public ReadOnlyMemory<byte> Activity { get; init; }

    /// <summary>What it does to the channel's state (<see cref="EffectBuilder"/>); null for nothing.</summary>
    public Effect? Effect { get; init; }

    /// <summary>Condition: whether the channel must (true) or must not (false) have been published to; null for no condition.</summary>
    public bool? IfExists { get; init; }

    /// <summary>Condition: the version that the channel must have; null for no condition.</summary>
    public long? IfVersion { get; init; }

    /// <summary>
    /// The publish id, at most 128 bytes: the same author's same id is recorded once, however often it is sent. Null, the default, for one that the client makes,
    /// which serves its own repeats; give one that means something to repeat a publish across runs of a program.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>The token of what the author had seen; null, the default, for what this client has seen.</summary>
    public string? After { get; init; }

    /// <summary>How many regions must have it on disk before the outcome comes; 1 to 64, default 1.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>An activity given as JSON text.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="activity">A JSON object.</param>
    public static Publish Json(string channel, string activity) => new() { Channel = channel, Activity = System.Text.Encoding.UTF8.GetBytes(activity) };

    /// <summary>An activity made from an object of the caller's.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="channel">The channel.</param>
    /// <param name="activity">What becomes a JSON object.</param>
    /// <param name="options">How; null for the names and rules of the web (<see cref="JsonSerializerDefaults.Web"/>).</param>
    public static Publish Of<T>(string channel, T activity, JsonSerializerOptions? options = null) =>
        new() { Channel = channel, Activity = JsonSerializer.SerializeToUtf8Bytes(activity, options ?? JsonSerializerOptions.Web) };

    /// <summary>An effect alone.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="effect">The effect.</param>
    public static Publish Of(string channel, Effect effect) => new() { Channel = channel, Effect = effect };

    /// <summary>A publish as an HTTP body or a line of NDJSON has it: <c>{"activity": …, "effect": …, "if": …, "id": …, "after": …, "copies": …}</c>.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="body">The JSON text; the result keeps parts of it.</param>
    /// <exception cref="StentorException">It is malformed.</exception>
    public static Publish Parse(string channel, ReadOnlyMemory<byte> body)
    {
        try
        {
            var read = PublishBody.Parse(body, NoLimits);
            return new Publish
            {
                Channel = channel,
                Activity = read.Activity,
                Effect = read.Effect,
                IfExists = read.Exists,
                IfVersion = read.Version,
                Id = read.Id,
                After = read.After is null ? null : SeenToken.Encode(read.After),
                Copies = read.Copies,
            };
        }
        catch (ProtocolException e)
        {
            throw StentorException.Of(e);
        }
    }
}
