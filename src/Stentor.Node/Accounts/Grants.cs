using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Node;

/// <summary>
/// Who may do what. Rules are fields of the reserved channel <c>_grants</c> which only the operator writes: field <c>publish PATTERN</c> or <c>subscribe PATTERN</c>,
/// value a list of usernames (or <c>$everyone</c>, <c>$registered</c>). Where a rule's pattern matches a channel, only those listed in some matching rule may; else the defaults of the design hold.
/// A rule whose value is not such a list lists nobody. The operator may always. Any thread may call.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="logs">Where rules that make no sense are reported.</param>
public sealed partial class Grants(StentorNode node, ILoggerFactory? logs = null)
{
    /// <summary>The channel that holds the rules.</summary>
    public const string Channel = "_grants";

    /// <summary>In a rule: everyone, <c>anonymous</c> too.</summary>
    public const string Everyone = "$everyone";

    /// <summary>In a rule: everyone who has an account.</summary>
    public const string Registered = "$registered";

    /// <summary>The one channel that <c>anonymous</c> may publish to when no rule says otherwise.</summary>
    public const string AnonymousChannel = "activities";

    private readonly ILogger _log = (ILogger?)logs?.CreateLogger<Grants>() ?? NullLogger.Instance;
    private volatile Rules _rules = new(null, [], []);

    /// <summary>Whether someone may publish to a channel. Answers from memory, without a lock.</summary>
    /// <param name="username">Who; <see cref="Username.Anonymous"/> for nobody in particular.</param>
    /// <param name="channel">A valid channel.</param>
    /// <returns>Null when allowed; otherwise a refusal: unauthenticated where an account would help, else forbidden.</returns>
    public Refusal? MayPublish(string username, string channel)
    {
        if (ChannelName.IsReserved(channel))
        {
            return username == Accounts.Operator && channel == Channel ? null : Reserved(channel);
        }

        if (username == Accounts.Operator)
        {
            return null;
        }

        var matched = false;
        foreach (var rule in Current().Publish)
        {
            if (rule.Pattern.Matches(channel))
            {
                matched = true;
                if (rule.Lists(username))
                {
                    return null;
                }
            }
        }

        if (!matched && (username != Username.Anonymous || channel == AnonymousChannel))
        {
            return null;
        }

        return username == Username.Anonymous
            ? new Refusal(ErrorType.Unauthenticated, $"An account is needed to publish to '{channel}'. Register (POST /v1/accounts) and send its username and secret.")
            : new Refusal(ErrorType.Forbidden, $"'{username}' may not publish to '{channel}'.");
    }

    /// <summary>Whether someone may read what a pattern names: every channel that it can match must be allowed.</summary>
    /// <param name="username">Who.</param>
    /// <param name="pattern">A channel or pattern.</param>
    /// <returns>Null when allowed; otherwise a refusal.</returns>
    public Refusal? MaySubscribe(string username, ChannelPattern pattern)
    {
        if (pattern.IsReserved)
        {
            return username == Accounts.Operator && pattern.Text == Channel ? null : Reserved(pattern.Text);
        }

        if (username == Accounts.Operator)
        {
            return null;
        }

        Rule? refusing = null;
        foreach (var rule in Current().Subscribe)
        {
            if (rule.Lists(username))
            {
                if (PatternRelation.Covers(rule.Pattern, pattern))
                {
                    return null; // Whatever the pattern matches, this rule matches and allows.
                }
            }
            else if (refusing is null && PatternRelation.Overlap(rule.Pattern, pattern))
            {
                refusing = rule;
            }
        }

        if (refusing is null)
        {
            return null;
        }

        var detail = pattern.IsExact
            ? $"'{username}' may not read '{pattern.Text}'."
            : $"'{pattern.Text}' takes in '{refusing.Pattern.Text}', which '{username}' may not read. Name what you need more closely.";
        return new Refusal(username == Username.Anonymous ? ErrorType.Unauthenticated : ErrorType.Forbidden, detail);
    }

    private static Refusal Reserved(string channel) =>
        new(ErrorType.Forbidden, $"'{channel}' is reserved: channels that start with _ are the node's own.");

    private Rules Current()
    {
        var rules = _rules;
        var state = node.Store.Find(Channel);
        if (ReferenceEquals(state, rules.Source)
            || (state is not null && rules.Source is not null && state.Version == rules.Source.Version && state.LastSeq == rules.Source.LastSeq))
        {
            return rules;
        }

        return _rules = Read(state);
    }

    private Rules Read(ChannelState? state)
    {
        var publish = new List<Rule>();
        var subscribe = new List<Rule>();
        if (state is not null)
        {
            var json = new ByteBuffer();
            state.WriteState(json);
            using var document = JsonDocument.Parse(json.WrittenMemory);
            foreach (var field in document.RootElement.EnumerateObject())
            {
                if (TryRead(field.Name, field.Value, out var isPublish, out var rule))
                {
                    (isPublish ? publish : subscribe).Add(rule);
                }
                else
                {
                    LogNoRule(_log, Printable.Cut(field.Name));
                }
            }
        }

        return new Rules(state, [.. publish], [.. subscribe]);
    }

    private static bool TryRead(string field, JsonElement value, out bool isPublish, out Rule rule)
    {
        isPublish = field.StartsWith("publish ", StringComparison.Ordinal);
        rule = null!; // Only looked at when there is one.
        if (!isPublish && !field.StartsWith("subscribe ", StringComparison.Ordinal))
        {
            return false;
        }

        var pattern = field[(field.IndexOf(' ', StringComparison.Ordinal) + 1)..];
        if (!ChannelName.IsValidPattern(pattern))
        {
            return false;
        }

        var names = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Where(n => n.ValueKind == JsonValueKind.String).Select(n => n.GetString()!) : [];
        rule = new Rule(ChannelPattern.Parse(pattern), [.. names]);
        return true;
    }

    [LoggerMessage(2101, LogLevel.Warning, "Grant '{Field}' is not a rule and is ignored: a rule is `publish PATTERN` or `subscribe PATTERN` with a list of usernames.")]
    private static partial void LogNoRule(ILogger log, string field);

    private sealed record Rules(ChannelState? Source, Rule[] Publish, Rule[] Subscribe);

    private sealed record Rule(ChannelPattern Pattern, HashSet<string> Names)
    {
        public bool Lists(string username) =>
            Names.Contains(Everyone) || (username != Username.Anonymous && (Names.Contains(Registered) || Names.Contains(username)));
    }
}

/// <summary>How two patterns stand to each other.</summary>
public static class PatternRelation
{
    /// <summary>Whether a channel can match both.</summary>
    /// <param name="one">A pattern.</param>
    /// <param name="other">A pattern.</param>
    public static bool Overlap(ChannelPattern one, ChannelPattern other)
    {
        if (one.IsReserved != other.IsReserved)
        {
            return false; // No wildcard stands for a reserved first token.
        }

        var a = one.Text.Split('.');
        var b = other.Text.Split('.');
        for (var i = 0; i < a.Length && i < b.Length; i++)
        {
            if (a[i] == ">" || b[i] == ">")
            {
                return true;
            }

            if (a[i] != b[i] && a[i] != "*" && b[i] != "*")
            {
                return false;
            }
        }

        return a.Length == b.Length;
    }

    /// <summary>Whether every channel that <paramref name="narrow"/> matches also matches <paramref name="wide"/>.</summary>
    /// <param name="wide">A pattern.</param>
    /// <param name="narrow">A pattern.</param>
    public static bool Covers(ChannelPattern wide, ChannelPattern narrow)
    {
        if (wide.IsReserved != narrow.IsReserved)
        {
            return false;
        }

        var w = wide.Text.Split('.');
        var n = narrow.Text.Split('.');
        for (var i = 0; i < w.Length && i < n.Length; i++)
        {
            if (w[i] == ">")
            {
                return true;
            }

            if (n[i] == ">" || (w[i] != "*" && w[i] != n[i]))
            {
                return false;
            }
        }

        return w.Length == n.Length;
    }
}
