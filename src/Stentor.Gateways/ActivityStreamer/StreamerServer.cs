using System.Globalization;

namespace Stentor.Gateways;

/// <summary>Where a server of the Activity Streamer protocol is reached.</summary>
/// <param name="Host">A name or an address, without brackets.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="IsTls">Whether it is spoken to over TLS.</param>
public readonly record struct StreamerServer(string Host, int Port, bool IsTls = false)
{
    private const string TlsPrefix = "tls://";

    /// <summary>The server that is meant when none is named: 127.0.0.1:3780.</summary>
    public static StreamerServer Default { get; } = new("127.0.0.1", StreamerOptions.DefaultPort);

    /// <summary>Reads <c>HOST:PORT</c> or <c>tls://HOST:PORT</c>; an IPv6 address stands in brackets.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="server">The server.</param>
    /// <param name="portDefault">The port where none is given; 0 where one must be.</param>
    /// <returns>False when the text is none.</returns>
    public static bool TryParse(string text, out StreamerServer server, int portDefault = 0)
    {
        server = default;
        var isTls = text.StartsWith(TlsPrefix, StringComparison.OrdinalIgnoreCase);
        var place = isTls ? text[TlsPrefix.Length..] : text;
        var colon = place.EndsWith(']') ? -1 : place.LastIndexOf(':');
        var (host, port) = colon < 0 ? (place, portDefault) : (place[..colon], 0);
        if (colon >= 0 && !int.TryParse(place.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
        {
            return false;
        }

        var isBracketed = host is ['[', .., ']'];
        var bare = isBracketed ? host[1..^1] : host;
        if (port is < 1 or > ushort.MaxValue || isBracketed != bare.Contains(':', StringComparison.Ordinal) || Uri.CheckHostName(bare) == UriHostNameType.Unknown)
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
