using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>What a scoreboard knows of: a team or an event.</summary>
/// <param name="Name">Its name, as it is shown.</param>
/// <param name="Token">Its channel's last token.</param>
/// <param name="Channel">Its channel.</param>
/// <param name="IsTeam">Whether it is a team; else it is an event.</param>
public sealed record ScoreboardSubject(string Name, string Token, string Channel, bool IsTeam);

/// <summary>Names of one kind and their channels, one to one, without regard to case.</summary>
public sealed class ScoreboardNames
{
    private readonly Dictionary<string, ScoreboardSubject> _byToken = new(StringComparer.Ordinal);

    private ScoreboardNames(IReadOnlyList<ScoreboardSubject> subjects) => All = subjects;

    /// <summary>All of them, in the order in which they were given.</summary>
    public IReadOnlyList<ScoreboardSubject> All { get; }

    /// <summary>Takes names in.</summary>
    /// <param name="names">The names, as they are shown.</param>
    /// <param name="isTeam">Whether they are teams; else events.</param>
    /// <exception cref="FormatException">A name is empty, too long or stands twice.</exception>
    public static ScoreboardNames Of(IReadOnlyList<string> names, bool isTeam)
    {
        var subjects = new List<ScoreboardSubject>();
        var result = new ScoreboardNames(subjects);
        foreach (var name in names)
        {
            var token = TokenOf(name);
            var channel = $"{(isTeam ? "medals" : "scores")}.{token}";
            if (!ChannelName.IsValid(channel))
            {
                throw new FormatException($"'{Printable.Cut(name)}' cannot be {(isTeam ? "a team" : "an event")}: it must not be empty, and its channel's name not longer than {ChannelName.LengthMax} characters.");
            }

            var subject = new ScoreboardSubject(name, token, channel, isTeam);
            if (!result._byToken.TryAdd(token, subject))
            {
                throw new FormatException($"'{Printable.Cut(name)}' stands twice among the {(isTeam ? "teams" : "events")}; names are alike without regard to case.");
            }

            subjects.Add(subject);
        }

        return result;
    }

    /// <summary>Finds what a name names; null when nothing.</summary>
    /// <param name="name">The name, in upper or lower case.</param>
    public ScoreboardSubject? Find(string name) => name.Length <= ChannelName.LengthMax ? _byToken.GetValueOrDefault(TokenOf(name)) : null;

    /// <summary>Finds what a channel's last token stands for; null when nothing.</summary>
    /// <param name="token">The token.</param>
    public ScoreboardSubject? FindToken(string token) => _byToken.GetValueOrDefault(token);

    /// <summary>
    /// The channel token of a name, one to one but for the case of letters: letters and digits of ASCII in lower case as they are, a space as <c>-</c>, every other
    /// byte of UTF-8 as <c>_</c> and two hexadecimal digits.
    /// </summary>
    /// <param name="name">Any text.</param>
    public static string TokenOf(string name)
    {
        var token = new StringBuilder(name.Length);
        foreach (var b in Encoding.UTF8.GetBytes(name.ToLowerInvariant()))
        {
            var c = (char)b;
            _ = char.IsAsciiLetterOrDigit(c) ? token.Append(c)
                : c == ' ' ? token.Append('-')
                : token.Append('_').Append(Convert.ToHexStringLower([b]));
        }

        return token.ToString();
    }
}
