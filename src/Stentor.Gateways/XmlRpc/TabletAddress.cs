using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>Where a registered client listens, in the one form that two registrations of it share.</summary>
/// <param name="Host">An address, <c>localhost</c> or a name.</param>
/// <param name="Port">1 to 65,535.</param>
internal readonly record struct TabletAddress(string Host, int Port)
{
    private const string Localhost = "localhost";

    // How long the name of a host is looked up at a registration. 2 s: a resolver that answers does so sooner.
    private static readonly TimeSpan LookupWait = TimeSpan.FromSeconds(2);

    /// <summary>The channel token that stands for it.</summary>
    public string Token => ScoreboardNames.TokenOf(ToString());

    /// <summary>Where it is called.</summary>
    public Uri Url => new($"http://{this}/RPC2");

    /// <summary>Reads a <c>client_id</c>: an array of host and port.</summary>
    /// <param name="id">The value.</param>
    /// <param name="caller">Who sent it.</param>
    /// <exception cref="ProtocolException">It is something else, or no place that could be called.</exception>
    public static TabletAddress Of(XmlRpcValue id, TabletCaller caller)
    {
        if (id is not XmlRpcValue.List { Items: [XmlRpcValue.Text { Value: var host }, var number] } || PortOf(number) is not { } said)
        {
            throw Wrong("it must be an array of a host and a port, like ['localhost', 8002]");
        }

        host = host.Trim().Trim('[', ']').TrimEnd('.').ToLowerInvariant();
        if (said is < 1 or > IPEndPoint.MaxPort)
        {
            throw Wrong($"the port {said} is not one of 1 to {IPEndPoint.MaxPort}");
        }

        var port = (int)said;
        if (IPAddress.TryParse(host, out var address))
        {
            address = Plain(address);
            if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Broadcast) || address.IsIPv6Multicast
                || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224))
            {
                throw Wrong($"nobody can be called at {address}; give the address that others reach it by, or localhost");
            }

            // A program elsewhere that says 127.0.0.1 means its own machine, not the node's; here it is the same as localhost.
            return IPAddress.IsLoopback(address) && !caller.IsHere ? new TabletAddress(caller.Address.ToString(), port)
                : address.Equals(IPAddress.Loopback) ? new TabletAddress(Localhost, port)
                : new TabletAddress(address.ToString(), port);
        }

        if (host == Localhost)
        {
            return new TabletAddress(caller.IsHere ? Localhost : caller.Address.ToString(), port);
        }

        return Uri.CheckHostName(host) == UriHostNameType.Dns && ChannelName.IsValid($"_tablets.region.{ScoreboardNames.TokenOf(host)}")
            ? new TabletAddress(host, port)
            : throw Wrong($"'{Printable.Cut(host)}' is not a host");
    }

    /// <summary>The addresses behind a host that may be called: those of the caller, and of this machine for who is on it; any where that is wanted.</summary>
    /// <param name="host">As <see cref="Host"/>.</param>
    /// <param name="caller">Who registered it.</param>
    /// <param name="callbacks">Whom the node calls.</param>
    /// <param name="cancellationToken">Ends the look-up of a name.</param>
    /// <returns>The addresses, the first to be tried first; none when none may be called.</returns>
    /// <exception cref="SocketException">The name is not known.</exception>
    public static async ValueTask<IReadOnlyList<IPAddress>> AddressesAsync(string host, TabletCaller caller, Callbacks callbacks, CancellationToken cancellationToken)
    {
        IPAddress[] all = IPAddress.TryParse(host, out var address) ? [address]
            : host == Localhost ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : await Dns.GetHostAddressesAsync(host, cancellationToken);
        return [.. all.Select(Plain).Where(a => callbacks == Callbacks.Any || a.Equals(caller.Address) || (caller.IsHere && IPAddress.IsLoopback(a)))];
    }

    /// <summary>Looks whether it may be called at all.</summary>
    /// <param name="caller">Who registers it.</param>
    /// <param name="callbacks">Whom the node calls.</param>
    /// <param name="cancellationToken">Ends the look-up of a name.</param>
    /// <exception cref="ProtocolException">It may not.</exception>
    public async ValueTask CheckAsync(TabletCaller caller, Callbacks callbacks, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(LookupWait);
        IReadOnlyList<IPAddress> addresses;
        try
        {
            addresses = await AddressesAsync(Host, caller, callbacks, deadline.Token);
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw Wrong($"the host '{Printable.Cut(Host)}' is not known");
        }

        if (addresses.Count == 0)
        {
            throw Wrong($"{this} is not the address that you call from ({caller.Address}); this node calls back nobody else (option xml-rpc-callbacks)");
        }
    }

    /// <summary>Host and port, as in a URL.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"[{Host}]:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>An IPv4 address that came as IPv6, as IPv4.</summary>
    internal static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static long? PortOf(XmlRpcValue value) => value switch
    {
        XmlRpcValue.Whole whole => whole.Value,
        XmlRpcValue.Text text when int.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private static ProtocolException Wrong(string detail) => new(ErrorType.Malformed, $"The client_id is wrong: {detail}. Nothing was registered.");
}

/// <summary>Who called.</summary>
/// <param name="Address">The caller's address.</param>
/// <param name="IsHere">Whether the caller runs on the node's own machine.</param>
internal readonly record struct TabletCaller(IPAddress Address, bool IsHere)
{
    /// <summary>Who is at the other end of a connection.</summary>
    /// <param name="remote">The other end; null where there is no network between.</param>
    /// <param name="local">This end.</param>
    public static TabletCaller Of(IPAddress? remote, IPAddress? local)
    {
        var address = TabletAddress.Plain(remote ?? IPAddress.Loopback);
        return new TabletCaller(address, IPAddress.IsLoopback(address) || (local is not null && address.Equals(TabletAddress.Plain(local))));
    }
}
