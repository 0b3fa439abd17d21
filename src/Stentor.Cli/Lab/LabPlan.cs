namespace Stentor.Cli.Lab;

/// <summary>What is measured, in which order.</summary>
/// <param name="Combinations">What is measured.</param>
/// <param name="LeftOut">What was asked for and does not exist, a sentence each.</param>
internal sealed record LabPlan(IReadOnlyList<Combination> Combinations, IReadOnlyList<string> LeftOut)
{
    /// <summary>All combinations that exist.</summary>
    /// <param name="archs">The archs, in order.</param>
    /// <param name="transports">The transports, in order.</param>
    /// <param name="clients">The numbers of clients, in order.</param>
    public static LabPlan Of(IReadOnlyList<Arch> archs, IReadOnlyList<Transport> transports, IReadOnlyList<int> clients)
    {
        var combinations = new List<Combination>();
        var leftOut = new List<string>();
        foreach (var arch in archs)
        {
            if (arch != Arch.Push && transports.Where(transport => !CanPull(transport)).Select(LabWords.Of).ToList() is { Count: > 0 } pushOnly)
            {
                leftOut.Add($"{LabWords.Of(arch)} is left out over {string.Join(" and ", pushOnly)}: nobody polls there.");
            }

            if (arch == Arch.Mixed && clients.Contains(1))
            {
                leftOut.Add("mixed is left out for 1 client, which cannot be of both kinds.");
            }

            combinations.AddRange(
                from transport in transports
                where arch == Arch.Push || CanPull(transport)
                from count in clients
                where arch != Arch.Mixed || count > 1
                select new Combination(arch, transport, count));
        }

        return new LabPlan(combinations, leftOut);
    }

    private static bool CanPull(Transport transport) => transport is Transport.XmlRpc or Transport.Http;
}
