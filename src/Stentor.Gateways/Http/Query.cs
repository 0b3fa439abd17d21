using System.Globalization;
using Microsoft.AspNetCore.Http;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>The query of a request, its parameters known by name; what is not known is refused.</summary>
internal readonly struct Query
{
    private readonly string[] _names;
    private readonly string?[]? _values;

    private Query(string[] names, string?[]? values)
    {
        _names = names;
        _values = values;
    }

    /// <summary>The value of a parameter; null when it was not given.</summary>
    /// <param name="name">One of the names it was read with.</param>
    public string? this[string name] => _values?[Array.IndexOf(_names, name)];

    /// <summary>Reads the query.</summary>
    /// <param name="request">The request.</param>
    /// <param name="names">The parameters that may stand in it.</param>
    /// <exception cref="ProtocolException">A parameter is unknown or stands twice.</exception>
    public static Query Read(HttpRequest request, string[] names)
    {
        var text = request.QueryString.Value;
        if (text is null or { Length: <= 1 })
        {
            return new Query(names, null);
        }

        var values = new string?[names.Length];
        foreach (var range in text.AsSpan(1).Split('&'))
        {
            var pair = text.AsSpan(1)[range];
            if (pair.IsEmpty)
            {
                continue;
            }

            var equals = pair.IndexOf('=');
            var name = Decode(equals < 0 ? pair : pair[..equals]);
            var index = Array.IndexOf(names, name);
            if (index < 0)
            {
                throw Malformed(Unknown(name, names));
            }

            if (values[index] is not null)
            {
                throw Malformed($"The query parameter '{name}' stands twice.");
            }

            values[index] = equals < 0 ? "" : Decode(pair[(equals + 1)..]);
        }

        return new Query(names, values);
    }

    /// <summary>A whole number.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="otherwise">Its value when it is not given.</param>
    /// <param name="max">The greatest accepted.</param>
    /// <param name="limit">The name of the limit that <paramref name="max"/> is.</param>
    /// <exception cref="ProtocolException">It is no number from 1 to <paramref name="max"/>.</exception>
    public int Count(string name, int otherwise, int max, string limit)
    {
        if (this[name] is not { } text)
        {
            return Math.Min(otherwise, max);
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= 1 && count <= max
            ? count
            : throw Malformed($"`{name}` is '{Printable.Cut(text)}'; it must be a whole number from 1 to {max} (limit {limit}).");
    }

    /// <summary>A time in seconds, also with a fraction; null when it is not given.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="secondsMax">The greatest accepted.</param>
    /// <param name="limit">The name of the limit that <paramref name="secondsMax"/> is.</param>
    /// <exception cref="ProtocolException">It is no number from 0 to <paramref name="secondsMax"/>.</exception>
    public TimeSpan? Seconds(string name, int secondsMax, string limit)
    {
        if (this[name] is not { } text)
        {
            return null;
        }

        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds >= 0 && seconds <= secondsMax
            ? TimeSpan.FromSeconds(seconds)
            : throw Malformed($"`{name}` is '{Printable.Cut(text)}'; it must be a number of seconds from 0 to {secondsMax} (limit {limit}).");
    }

    /// <summary>True or false; false when it is not given, true when it stands without a value.</summary>
    /// <param name="name">The parameter.</param>
    /// <exception cref="ProtocolException">It is something else.</exception>
    public bool Flag(string name) => this[name] switch
    {
        null or "false" => false,
        "" or "true" => true,
        { } text => throw Malformed($"`{name}` is '{Printable.Cut(text)}'; it must be true or false."),
    };

    /// <summary>A seen token; null when it is not given.</summary>
    /// <param name="name">The parameter.</param>
    /// <exception cref="ProtocolException">It is no token.</exception>
    public VersionVector? Token(string name) => this[name] is { } text ? SeenToken.Decode(text) : null;

    private static string Unknown(string name, string[] names)
    {
        if (names.Length == 0)
        {
            return $"The query parameter '{Printable.Cut(name)}' is not known; this route takes none.";
        }

        var nearest = names.MinBy(n => Distance(n, name));
        return $"The query parameter '{Printable.Cut(name)}' is not known; did you mean '{nearest}'? This route takes {string.Join(", ", names)}.";
    }

    /// <summary>How many letters must be changed, added or left out to make one word the other (Levenshtein).</summary>
    private static int Distance(string one, string other)
    {
        var row = Enumerable.Range(0, one.Length + 1).ToArray();
        for (var i = 1; i <= Math.Min(other.Length, 64); i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= one.Length; j++)
            {
                var change = diagonal + (one[j - 1] == other[i - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }

    private static string Decode(ReadOnlySpan<char> text) => Uri.UnescapeDataString(text.ToString().Replace('+', ' '));

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
