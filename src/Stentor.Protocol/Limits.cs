namespace Stentor.Protocol;

/// <summary>Every limit of the contract. Each is an option of the node; going over one answers an error that names it.</summary>
public sealed record Limits
{
    /// <summary>The limits that a node has unless it is told otherwise.</summary>
    public static Limits Default { get; } = new();

    /// <summary>Longest activity, in bytes as encoded by its publisher. Default 64 KiB.</summary>
    public int ActivityBytesMax { get; init; } = 64 * 1024;

    /// <summary>Deepest nesting of an activity or effect value; a flat object has depth 1. Default 64; at most 1,000, which is as deep as entries are read.</summary>
    public int DepthMax { get; init; } = 64;

    /// <summary>Longest frame from a client, in bytes without the line feed. Default 256 KiB: an activity, an effect of the same size, and room for names.</summary>
    public int FrameBytesMax { get; init; } = 256 * 1024;

    /// <summary>Longest body of an HTTP publish or other single request, in bytes. Default 256 KiB.</summary>
    public int BodyBytesMax { get; init; } = 256 * 1024;

    /// <summary>Longest NDJSON body, in bytes. Default 64 MiB.</summary>
    public long NdjsonBytesMax { get; init; } = 64L * 1024 * 1024;

    /// <summary>Longest publish id, in bytes of UTF-8. Default 128.</summary>
    public int PublishIdBytesMax { get; init; } = 128;

    /// <summary>Longest field name of a state, in bytes of UTF-8. Default 256.</summary>
    public int FieldNameBytesMax { get; init; } = 256;

    /// <summary>Most fields in one effect. Default 1,024.</summary>
    public int EffectFieldsMax { get; init; } = 1024;

    /// <summary>Most fields in the state of one channel, tombstones included. Default 10,000.</summary>
    public int StateFieldsMax { get; init; } = 10_000;

    /// <summary>Most bytes in the state of one channel: names and values, those of concurrent writes included. Default 4 MiB.</summary>
    public int StateBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>Most conflict records kept a channel; older ones go first. Default 100.</summary>
    public int ConflictsMax { get; init; } = 100;

    /// <summary>Most channels or patterns in one subscription request. Default 1,000.</summary>
    public int ChannelsPerRequestMax { get; init; } = 1_000;

    /// <summary>Most subscriptions a connection may hold. Default 10,000.</summary>
    public int SubscriptionsMax { get; init; } = 10_000;

    /// <summary>Most activities one pull may ask for. Default 1,000.</summary>
    public int PullMax { get; init; } = 1_000;

    /// <summary>Longest wait a request may ask for, in seconds. Default 60.</summary>
    public int WaitSecondsMax { get; init; } = 60;

    /// <summary>Most publishes of one connection that may be waiting for their outcome. Default 8,192; past it the node stops reading from that connection.</summary>
    public int InFlightMax { get; init; } = 8_192;

    /// <summary>Most connections at once. Default 20,000.</summary>
    public int ConnectionsMax { get; init; } = 20_000;
}
