using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Stentor.Gateways;

/// <summary>Where a server listens, as its options say it, checked before anything is opened.</summary>
internal sealed class Endpoints
{
    /// <summary>What <see cref="Listener.Kind"/> says of the Activity Streamer protocol.</summary>
    public const string StreamerKind = "activity-streamer";

    /// <summary>What <see cref="Listener.Kind"/> says of a port where XML-RPC is served and nothing else.</summary>
    public const string XmlRpcKind = "xml-rpc";

    private readonly List<Endpoint> _endpoints = [];
    private readonly X509Certificate2? _certificate;

    private Endpoints(X509Certificate2? certificate) => _certificate = certificate;

    /// <summary>Whether one of them speaks TLS.</summary>
    public bool HasTls => _endpoints.Exists(e => e.IsTls);

    /// <summary>Reads the options.</summary>
    /// <param name="options">What to serve.</param>
    /// <exception cref="ServerStartException">They cannot be served, or not safely.</exception>
    public static Endpoints Of(ServerOptions options)
    {
        if (options.Listen.Count == 0 && options.Tcp is null && options.ActivityStreamer is null && options.XmlRpc?.Listen is null)
        {
            throw new ServerStartException("There is nowhere to listen; give --listen URL.") { IsUsage = true };
        }

        var endpoints = new Endpoints(CertificateOf(options));
        foreach (var url in options.Listen)
        {
            endpoints._endpoints.Add(ReadUrl(url));
        }

        if (options.Tcp is not null)
        {
            endpoints._endpoints.Add(ReadHostPort(options.Tcp, EndpointKind.Frames, isTls: false));
        }

        if (options.ActivityStreamer is { } streamer)
        {
            endpoints._endpoints.Add(ReadHostPort(streamer.Listen, EndpointKind.Streamer, streamer.Tls));
        }

        if (options.XmlRpc?.Listen is { } xmlRpc)
        {
            endpoints._endpoints.Add(ReadHostPort(xmlRpc, EndpointKind.XmlRpc, isTls: false));
        }

        foreach (var endpoint in endpoints._endpoints)
        {
            if (endpoint.IsTls && endpoints._certificate is null)
            {
                throw new ServerStartException($"'{endpoint.Text}' needs a certificate; give --certificate-file FILE.") { IsUsage = true };
            }

            if (!endpoint.IsTls && !endpoint.Addresses.TrueForAll(IPAddress.IsLoopback) && !options.Insecure)
            {
                throw new ServerStartException($"'{endpoint.Text}' is reachable from other machines, without TLS: secrets could be read on the way. Listen on https, on 127.0.0.1 behind a proxy, or give --insecure.") { IsUsage = true };
            }
        }

        return endpoints;
    }

    /// <summary>Makes the server listen.</summary>
    /// <param name="kestrel">The server's options.</param>
    /// <param name="serveFrames">Serves one connection of the TCP port.</param>
    /// <param name="serveStreamer">Serves one connection of the Activity Streamer protocol.</param>
    /// <param name="onConnection">Told when a connection opens (1) and closes (-1), and of what kind it is.</param>
    public void Listen(KestrelServerOptions kestrel, ConnectionDelegate serveFrames, ConnectionDelegate serveStreamer, Action<int, EndpointKind> onConnection)
    {
        foreach (var endpoint in _endpoints)
        {
            foreach (var address in endpoint.Addresses)
            {
                kestrel.Listen(endpoint.Kind == EndpointKind.Frames ? new FrameEndPoint(address, endpoint.Port) : new IPEndPoint(address, endpoint.Port), listen =>
                {
                    listen.Use((ConnectionDelegate next) => async connection =>
                    {
                        onConnection(1, endpoint.Kind);
                        try
                        {
                            await next(connection);
                        }
                        finally
                        {
                            onConnection(-1, endpoint.Kind);
                        }
                    });
                    if (endpoint.Kind == EndpointKind.Frames)
                    {
                        listen.Run(connection => serveFrames(connection));
                        return;
                    }

                    if (!endpoint.IsTls)
                    {
                        listen.UseDirectOutput();
                    }

                    if (endpoint.Kind == EndpointKind.Streamer)
                    {
                        if (endpoint.IsTls)
                        {
                            listen.UseHttps(_certificate!); // Checked when the options were read.
                        }

                        listen.Run(connection => serveStreamer(connection));
                        return;
                    }

                    if (endpoint.Kind == EndpointKind.XmlRpc)
                    {
                        listen.Use((ConnectionDelegate next) => connection =>
                        {
                            connection.Features.Set(XmlRpcPort.Instance);
                            return next(connection);
                        });
                    }

                    listen.Protocols = endpoint.IsTls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1;
                    if (endpoint.IsTls)
                    {
                        listen.UseHttps(_certificate!); // Checked when the options were read.
                    }
                });
            }
        }
    }

    /// <summary>Where the server really listens.</summary>
    /// <param name="server">The started server.</param>
    public IReadOnlyList<Listener> Bound(IServer server)
    {
        // In the order in which they were given; each has as many addresses as its host.
        var addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses.ToList() ?? [];
        var listeners = new List<Listener>();
        var index = 0;
        foreach (var endpoint in _endpoints)
        {
            for (var i = 0; i < endpoint.Addresses.Count; i++, index++)
            {
                var bound = new Uri(addresses[index]);
                listeners.Add(endpoint.Kind switch
                {
                    EndpointKind.Frames => new Listener("tcp", $"tcp://{bound.Authority}"),
                    EndpointKind.Streamer => new Listener(StreamerKind, $"{StreamerKind}://{bound.Authority}"),
                    EndpointKind.XmlRpc => new Listener(XmlRpcKind, $"http://{bound.Authority}"),
                    _ => new Listener("http", $"{(endpoint.IsTls ? "https" : "http")}://{bound.Authority}"),
                });
            }
        }

        return listeners;
    }

    private static Endpoint ReadUrl(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.PathAndQuery != "/")
        {
            throw new ServerStartException($"'{text}' is not a place to listen on: http://HOST:PORT or https://HOST:PORT.") { IsUsage = true };
        }

        return new Endpoint(text, AddressesOf(text, url.DnsSafeHost, url.Port), url.Port, EndpointKind.Http, url.Scheme == "https");
    }

    private static Endpoint ReadHostPort(string text, EndpointKind kind, bool isTls)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), out var port))
        {
            throw new ServerStartException($"'{text}' is not a place to listen on: HOST:PORT.") { IsUsage = true };
        }

        return new Endpoint(text, AddressesOf(text, text[..colon].Trim('[', ']'), port), port, kind, isTls);
    }

    private static List<IPAddress> AddressesOf(string text, string host, int port)
    {
        if (IPAddress.TryParse(host, out var address))
        {
            return [address];
        }

        if (host == "localhost")
        {
            // A free port is free on one address; the same number need not be on the other.
            return port == 0 || !Socket.OSSupportsIPv6 ? [IPAddress.Loopback] : [IPAddress.Loopback, IPAddress.IPv6Loopback];
        }

        throw new ServerStartException($"'{text}' names the host '{host}'; give the address to listen on (127.0.0.1, 0.0.0.0, [::]) or localhost.") { IsUsage = true };
    }

    private static X509Certificate2? CertificateOf(ServerOptions options)
    {
        if (options.CertificateFile is null)
        {
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPemFile(options.CertificateFile, options.CertificateKeyFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new ServerStartException($"The certificate in '{options.CertificateFile}' cannot be used: {e.Message}", e);
        }
    }

    private sealed record Endpoint(string Text, List<IPAddress> Addresses, int Port, EndpointKind Kind, bool IsTls);
}

/// <summary>What is spoken at an endpoint.</summary>
internal enum EndpointKind
{
    /// <summary>HTTP, Server-Sent Events, WebSocket.</summary>
    Http,

    /// <summary>JSON frames on plain TCP.</summary>
    Frames,

    /// <summary>The Activity Streamer protocol.</summary>
    Streamer,

    /// <summary>XML-RPC alone.</summary>
    XmlRpc,
}
