using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.CommandLine;

/// <summary>
/// Rules for names and tokens on a command line. The node knows them too; but what can never be right is an error of whoever typed it, not a failure,
/// and is said before anything is done.
/// </summary>
internal static class ValueRules
{
    // A region's origins are its name, a dash and eight digits; the store takes names up to here.
    private const int RegionLengthMax = 48;

    /// <summary>One channel.</summary>
    /// <param name="text">What was given.</param>
    /// <returns>Null when it is one; otherwise what is wrong and what is expected. So with all rules here.</returns>
    public static string? Channel(string text) => ChannelName.IsValid(text)
        ? null
        : $"'{Printable.Cut(text)}' is not a channel: 1 to {ChannelName.TokensMax} tokens of A-Z a-z 0-9 _ - joined by dots, at most {ChannelName.LengthMax} characters, like chat.general.";

    /// <summary>A channel or a pattern.</summary>
    /// <param name="text">What was given.</param>
    public static string? Pattern(string text) => FaultOf(() => ChannelPattern.Parse(text));

    /// <summary>A username.</summary>
    /// <param name="text">What was given.</param>
    public static string? User(string text) => Username.IsValid(text)
        ? null
        : $"'{Printable.Cut(text)}' is not a username: 1 to {Username.LengthMax} of A-Z a-z 0-9 _ - and dots.";

    /// <summary>An inbox.</summary>
    /// <param name="text">What was given.</param>
    public static string? Inbox(string text) => ChannelName.IsValid(text) && !text.Contains('.', StringComparison.Ordinal)
        ? null
        : $"'{Printable.Cut(text)}' is not an inbox: one token of A-Z a-z 0-9 _ -.";

    /// <summary>A region.</summary>
    /// <param name="text">What was given.</param>
    public static string? Region(string text) => text.Length <= RegionLengthMax && ChannelName.IsValid(text) && !text.Contains('.', StringComparison.Ordinal)
        ? null
        : $"'{Printable.Cut(text)}' is not a region's name: 1 to {RegionLengthMax} of A-Z a-z 0-9 _ -, like eu.";

    /// <summary>A region's origin.</summary>
    /// <param name="text">What was given.</param>
    public static string? Origin(string text) => OriginId.IsValid(Encoding.UTF8.GetBytes(text))
        ? null
        : $"'{Printable.Cut(text)}' is not an origin: 1 to {OriginId.LengthMax} of A-Z a-z 0-9 _ -, like eu-1c44a0d2.";

    /// <summary>A seen token.</summary>
    /// <param name="text">What was given.</param>
    public static string? Seen(string text) => FaultOf(() => SeenToken.Decode(text));

    /// <summary>Where a subscription starts.</summary>
    /// <param name="text">What was given.</param>
    public static string? Start(string text) => text is SubscribeOptions.Now or SubscribeOptions.Start || Seen(text) is null
        ? null
        : $"'{Printable.Cut(text)}' is not where a subscription can start: {SubscribeOptions.Now}, {SubscribeOptions.Start}, or a seen token, whole.";

    /// <summary>Holds what is given for an argument to a rule.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="rule">The rule.</param>
    public static Argument<T> By<T>(this Argument<T> argument, Func<string, string?> rule)
    {
        argument.Validators.Add(result => Check(result, result.Tokens, rule));
        return argument;
    }

    /// <summary>Holds what is given for an option to a rule.</summary>
    /// <param name="option">The option.</param>
    /// <param name="rule">The rule.</param>
    public static Option<T> By<T>(this Option<T> option, Func<string, string?> rule)
    {
        option.Validators.Add(result => Check(result, result.Tokens, text => rule(text) is { } fault ? $"{option.Name}: {fault}" : null));
        return option;
    }

    private static string? FaultOf(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (ProtocolException e)
        {
            return e.Message;
        }
    }

    private static void Check(SymbolResult result, IReadOnlyList<Token> given, Func<string, string?> rule)
    {
        if (given.Select(token => rule(token.Value)).FirstOrDefault(fault => fault is not null) is { } wrong)
        {
            result.AddError(wrong);
        }
    }
}
