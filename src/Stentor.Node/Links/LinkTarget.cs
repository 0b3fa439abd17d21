using System.Globalization;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>A region to link to, and how far away it is to seem.</summary>
/// <param name="Address">Where: <c>ws://host:port</c> or <c>wss://host:port</c>, with the path of the link endpoint.</param>
/// <param name="Delay">Time that every message takes longer, in each direction: simulates distance. Default 0.</param>
/// <param name="Jitter">Most that <paramref name="Delay"/> varies up or down; the order of messages stays. Default 0.</param>
public sealed record LinkTarget(Uri Address, TimeSpan Delay, TimeSpan Jitter)
{
    /// <summary>The endpoint's path.</summary>
    public const string Path = "/v1/link";

    /// <summary>Longest delay and jitter: one minute.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(1);

    /// <summary>Reads <c>ws://host:port[;delay=500ms][;jitter=50ms]</c>; <c>http</c> and <c>https</c> are taken for <c>ws</c> and <c>wss</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">It is something else; the message says what is wrong.</exception>
    public static LinkTarget Parse(string text)
    {
        var parts = text.Split(';');
        if (!Uri.TryCreate(parts[0], UriKind.Absolute, out var url) || url.Scheme is not ("ws" or "wss" or "http" or "https") || url.PathAndQuery is not ("/" or Path))
        {
            throw new FormatException($"'{Printable.Cut(text)}' is not a link: ws://HOST:PORT or wss://HOST:PORT, then perhaps ;delay=500ms;jitter=50ms.");
        }

        var address = new UriBuilder(url) { Scheme = url.Scheme is "ws" or "http" ? "ws" : "wss", Port = url.Port, Path = Path }.Uri;
        var target = new LinkTarget(address, TimeSpan.Zero, TimeSpan.Zero);
        foreach (var part in parts.Skip(1))
        {
            target = part.Split('=', 2) switch
            {
                ["delay", var value] => target with { Delay = Duration(value, part) },
                ["jitter", var value] => target with { Jitter = Duration(value, part) },
                _ => throw new FormatException($"'{Printable.Cut(part)}' is not an option of a link; there are delay=500ms and jitter=50ms."),
            };
        }

        return target;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Address.Scheme}://{Address.Authority}";

    private static TimeSpan Duration(string value, string part)
    {
        var unit = value.EndsWith("ms", StringComparison.Ordinal) ? 1 : value.EndsWith('s') ? 1000 : 0;
        var number = value.TrimEnd('m', 's');
        return unit > 0 && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && TimeSpan.FromMilliseconds(count * unit) is var time && time <= DelayMax
            ? time
            : throw new FormatException($"'{Printable.Cut(part)}' needs a time like 500ms or 2s, at most {DelayMax.TotalSeconds:0} s.");
    }
}
