using System.Globalization;

namespace Stentor.Cli.ActivityStreamer;

/// <summary>Where a server of the Activity Streamer protocol is reached.</summary>
/// <param name="Host">A name or an address, without brackets.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="IsTls">Whether it is spoken to over TLS.</param>
internal readonly record struct StreamerServer(string Host, int Port, bool IsTls = false)
{
    private const string TlsPrefix = "tls://";

    /// <summary>The server that is meant when none is named: 127.0.0.1:3780.</summary>
    public static StreamerServer Default { get; } = new("127.0.0.1", 3780);

    /// <summary>Reads <c>HOST:PORT</c> or <c>tls://HOST:PORT</c>; an IPv6 address stands in brackets.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="server">The server.</param>
    /// <returns>False when the text is none.</returns>
    public static bool TryParse(string text, out StreamerServer server)
    {
        server = default;
        var isTls = text.StartsWith(TlsPrefix, StringComparison.OrdinalIgnoreCase);
        var place = isTls ? text[TlsPrefix.Length..] : text;
        var colon = place.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(place.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > ushort.MaxValue)
        {
            return false;
        }

        var host = place[..colon];
        var isBracketed = host[0] == '[' && host[^1] == ']';
        var bare = isBracketed ? host[1..^1] : host;
        if (isBracketed != bare.Contains(':', StringComparison.Ordinal) || Uri.CheckHostName(bare) == UriHostNameType.Unknown)
        {
            return false;
        }

        server = new StreamerServer(bare, port, isTls);
        return true;
    }

    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(IsTls ? TlsPrefix : "")}{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");
}
