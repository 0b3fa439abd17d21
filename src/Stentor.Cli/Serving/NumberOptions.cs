using System.CommandLine;
using Stentor.Gateways;

namespace Stentor.Cli.Serving;

/// <summary>A number that an operator may set: a limit, a rate or a size, with the default that the server has.</summary>
/// <param name="Name">The option, without dashes.</param>
/// <param name="What">What it bounds, and in which unit.</param>
/// <param name="Least">The least value that makes sense.</param>
/// <param name="Default">The value when it is not set.</param>
/// <param name="With">The server's options with another value.</param>
internal sealed record NumberOption(string Name, string What, long Least, long Default, Func<ServerOptions, long, ServerOptions> With)
{
    /// <summary>The greatest value that the setting behind it can hold.</summary>
    public long Most { get; init; } = int.MaxValue;
}

/// <summary>Every limit, rate and size of a node as an option of <c>serve</c>. Error messages name limits by these names.</summary>
internal static class NumberOptions
{
    private static readonly ServerOptions Defaults = new();

    /// <summary>All of them, in the order of the help.</summary>
    public static IReadOnlyList<NumberOption> All { get; } =
    [
        Limit("activity-bytes-max", "Longest activity, in bytes.", 1, Defaults.Node.Limits.ActivityBytesMax, (limits, n) => limits with { ActivityBytesMax = (int)n }),
        Limit("depth-max", "Deepest nesting of an activity.", 1, Defaults.Node.Limits.DepthMax, (limits, n) => limits with { DepthMax = (int)n }) with { Most = 1_000 },
        Limit("frame-bytes-max", "Longest frame from a client, in bytes.", 256, Defaults.Node.Limits.FrameBytesMax, (limits, n) => limits with { FrameBytesMax = (int)n }),
        Limit("body-bytes-max", "Longest body of a single HTTP request, in bytes.", 256, Defaults.Node.Limits.BodyBytesMax, (limits, n) => limits with { BodyBytesMax = (int)n }),
        Limit("ndjson-bytes-max", "Longest NDJSON body, in bytes.", 256, Defaults.Node.Limits.NdjsonBytesMax, (limits, n) => limits with { NdjsonBytesMax = n }) with { Most = long.MaxValue },
        Limit("publish-id-bytes-max", "Longest publish id, in bytes.", 1, Defaults.Node.Limits.PublishIdBytesMax, (limits, n) => limits with { PublishIdBytesMax = (int)n }) with { Most = 4_096 },
        Limit("field-name-bytes-max", "Longest field name of a state, in bytes.", 1, Defaults.Node.Limits.FieldNameBytesMax, (limits, n) => limits with { FieldNameBytesMax = (int)n }),
        Limit("effect-fields-max", "Most fields in one effect.", 1, Defaults.Node.Limits.EffectFieldsMax, (limits, n) => limits with { EffectFieldsMax = (int)n }),
        Limit("state-fields-max", "Most fields in the state of one channel.", 1, Defaults.Node.Limits.StateFieldsMax, (limits, n) => limits with { StateFieldsMax = (int)n }),
        Limit("state-bytes-max", "Most bytes in the state of one channel.", 1, Defaults.Node.Limits.StateBytesMax, (limits, n) => limits with { StateBytesMax = (int)n }),
        Limit("conflicts-max", "Most conflict records kept a channel.", 0, Defaults.Node.Limits.ConflictsMax, (limits, n) => limits with { ConflictsMax = (int)n }),
        Limit("channels-per-request-max", "Most channels or patterns in one subscription request.", 1, Defaults.Node.Limits.ChannelsPerRequestMax, (limits, n) => limits with { ChannelsPerRequestMax = (int)n }),
        Limit("subscriptions-max", "Most subscriptions a connection may hold.", 1, Defaults.Node.Limits.SubscriptionsMax, (limits, n) => limits with { SubscriptionsMax = (int)n }),
        Limit("pull-max", "Most activities one pull may ask for.", 1, Defaults.Node.Limits.PullMax, (limits, n) => limits with { PullMax = (int)n }),
        Limit("wait-seconds-max", "Longest wait that a request may ask for, in seconds.", 0, Defaults.Node.Limits.WaitSecondsMax, (limits, n) => limits with { WaitSecondsMax = (int)n }) with { Most = 3_600 },
        Limit("in-flight-max", "Most publishes of one connection that may wait for their outcome.", 1, Defaults.Node.Limits.InFlightMax, (limits, n) => limits with { InFlightMax = (int)n }),
        Limit("connections-max", "Most connections at once.", 1, Defaults.Node.Limits.ConnectionsMax, (limits, n) => limits with { ConnectionsMax = (int)n }),

        Rate("failed-logins-per-minute", "Failed logins a minute, for each client address and each username.", Defaults.RateLimits.FailedLoginsPerMinute, (rates, n) => rates with { FailedLoginsPerMinute = n }),
        Rate("registrations-per-minute", "Registrations a minute, for each client address.", Defaults.RateLimits.RegistrationsPerMinute, (rates, n) => rates with { RegistrationsPerMinute = n }),
        Rate("sessions-per-minute", "Sessions a minute that one account may open.", Defaults.RateLimits.SessionsPerMinute, (rates, n) => rates with { SessionsPerMinute = n }),
        Rate("publishes-per-second", "Publishes a second of one account.", Defaults.RateLimits.PublishesPerSecond, (rates, n) => rates with { PublishesPerSecond = n }),
        Rate("anonymous-publishes-per-second", "Publishes a second from one client address without an account.", Defaults.RateLimits.AnonymousPublishesPerSecond, (rates, n) => rates with { AnonymousPublishesPerSecond = n }),

        new("retain-bytes", "Most bytes of sealed segments to keep, older ones are recycled; 0 keeps everything.", 0, Defaults.RetainBytes, (options, n) => options with { RetainBytes = n }) { Most = long.MaxValue },
        new("segment-bytes", "Size of a ledger segment, in bytes.", 1024 * 1024, Defaults.SegmentBytes, (options, n) => options with { SegmentBytes = (int)n }),
        new("tail-bytes", "Most bytes of one tail; readers that are farther behind read from the ledger.", 4_096, Defaults.Node.TailBytes, (options, n) => options with { Node = options.Node with { TailBytes = (int)n } }),
        new("queue-max", "Most publishes waiting to be ordered; past it publishers wait.", 1, Defaults.Node.QueueMax, (options, n) => options with { Node = options.Node with { QueueMax = (int)n } }),
        new("session-seconds", "How long a session token is good for, in seconds.", 1, (long)Defaults.Node.SessionLifetime.TotalSeconds, (options, n) => options with { Node = options.Node with { SessionLifetime = TimeSpan.FromSeconds(n) } }),
        new("skew-seconds-max", "How far ahead another region's time may lie before it no longer drives this node's, in seconds.", 0, (long)Defaults.Node.SkewMax.TotalSeconds, (options, n) => options with { Node = options.Node with { SkewMax = TimeSpan.FromSeconds(n) } }),
    ];

    /// <summary>The option for the command line.</summary>
    /// <param name="number">The number.</param>
    public static Option<long> OptionOf(NumberOption number) => new($"--{number.Name}")
    {
        Description = number.What,
        HelpName = "N",
        DefaultValueFactory = _ => number.Default,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!long.TryParse(text, out var value) || value < number.Least || value > number.Most)
            {
                result.AddError($"'{text}' is not a value for --{number.Name}: a whole number from {number.Least} to {number.Most}.");
            }

            return value;
        },
    };

    private static NumberOption Limit(string name, string what, long least, long initial, Func<Protocol.Limits, long, Protocol.Limits> with) =>
        new(name, what, least, initial, (options, value) => options with { Node = options.Node with { Limits = with(options.Node.Limits, value) } });

    private static NumberOption Rate(string name, string what, int initial, Func<RateLimits, int, RateLimits> with) =>
        new(name, what, 1, initial, (options, value) => options with { RateLimits = with(options.RateLimits, (int)value) });
}
