using System.Buffers;
using System.Text;

namespace Stentor.Protocol;

/// <summary>The rule for usernames: 1 to 64 of <c>A-Z a-z 0-9 _ - .</c>; and the token that stands for one in a reserved channel's name.</summary>
public static class Username
{
    /// <summary>Who has not said who they are.</summary>
    public const string Anonymous = "anonymous";

    /// <summary>Longest name, in characters.</summary>
    public const int LengthMax = 64;

    private static readonly SearchValues<byte> NameBytes =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."u8);

    /// <summary>Whether <paramref name="name"/> is a username; <see cref="Anonymous"/> is one that nobody can register.</summary>
    /// <param name="name">Any text.</param>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= LengthMax } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    /// <inheritdoc cref="IsValid(string?)"/>
    public static bool IsValid(ReadOnlySpan<byte> name) => name.Length is > 0 and <= LengthMax && !name.ContainsAnyExcept(NameBytes);

    /// <summary>The channel token that stands for a username, one to one: <c>_</c> becomes <c>_u</c> and a dot <c>_d</c>.</summary>
    /// <param name="name">A valid username.</param>
    public static string ToToken(string name)
    {
        var token = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            _ = c switch
            {
                '_' => token.Append("_u"),
                '.' => token.Append("_d"),
                _ => token.Append(c),
            };
        }

        return token.ToString();
    }
}
