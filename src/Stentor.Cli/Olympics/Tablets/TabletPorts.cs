using System.Net;
using System.Net.Sockets;

namespace Stentor.Cli.Olympics.Tablets;

/// <summary>The ports of tablets, which are their names: taken as soon as they are found free, so that no two programs choose the same.</summary>
internal static class TabletPorts
{
    /// <summary>The first port, unless another one is asked for.</summary>
    public const int First = 8002;

    /// <summary>How many ports are looked through: with the usual first one, up to 9000.</summary>
    public const int Range = 999;

    // Calls that come at once, as all updates of a busy scoreboard do after a pause of this process.
    private const int Backlog = 512;

    /// <summary>Takes ports.</summary>
    /// <param name="address">Where it is listened.</param>
    /// <param name="first">The first port; those that are taken are passed over.</param>
    /// <param name="count">How many.</param>
    /// <returns>Listening sockets by their ports, in order; the caller's.</returns>
    /// <exception cref="CommandException">There are not as many free ones.</exception>
    public static SortedDictionary<int, Socket> Take(IPAddress address, int first, int count)
    {
        var last = Math.Min(first + Range - 1, ushort.MaxValue);
        var taken = new SortedDictionary<int, Socket>();
        try
        {
            for (var port = first; port <= last && taken.Count < count; port++)
            {
                if (TryListen(new IPEndPoint(address, port)) is { } socket)
                {
                    taken.Add(port, socket);
                }
            }

            return taken.Count == count
                ? taken
                : throw new CommandException($"Only {taken.Count} of {count} tablets have a port: the others from {first} to {last} are taken. Give another --first-port.");
        }
        catch
        {
            foreach (var socket in taken.Values)
            {
                socket.Dispose();
            }

            throw;
        }
    }

    private static Socket? TryListen(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endpoint);
            socket.Listen(Backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            return e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied
                ? null
                : throw new CommandException($"Tablets cannot listen on {endpoint.Address}: {e.Message}");
        }
    }
}
