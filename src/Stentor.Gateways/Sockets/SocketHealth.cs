using System.Net.Sockets;

namespace Stentor.Gateways;

/// <summary>What the operating system knows about the other side of a connection.</summary>
internal static class SocketHealth
{
    private const int TcpLevel = 6;
    private const int TcpInfo = 11;

    /// <summary>
    /// Whether the other side's machine has stopped acknowledging. A reader that merely does not read has a machine that answers the probes of a
    /// closed window, so it is alive, however long it stalls; a ping could not tell, since it waits behind what was not read.
    /// </summary>
    /// <param name="socket">The connection.</param>
    /// <param name="silence">Silence that counts.</param>
    /// <returns>False also where the system does not say.</returns>
    public static bool IsDead(Socket socket, TimeSpan silence)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        // struct tcp_info (linux/tcp.h): byte 2 retransmits unanswered, byte 3 window probes unanswered, at 56 the milliseconds since the last acknowledgement.
        Span<byte> info = stackalloc byte[60];
        try
        {
            if (socket.GetRawSocketOption(TcpLevel, TcpInfo, info) < info.Length)
            {
                return false;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }

        var isUnanswered = info[2] > 1 || info[3] > 1;
        return isUnanswered && BitConverter.ToUInt32(info[56..]) > silence.TotalMilliseconds;
    }
}
