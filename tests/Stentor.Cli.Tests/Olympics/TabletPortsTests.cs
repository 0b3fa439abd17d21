using System.Net;
using Stentor.Cli.Olympics.Tablets;

namespace Stentor.Cli.Tests.Olympics;

/// <summary>Which ports tablets take.</summary>
public sealed class TabletPortsTests
{
    // Far from those that the system gives out, so that no other test is given one of them.
    private const int First = 18_002;

    [Fact]
    public void A_port_that_is_taken_is_passed_over()
    {
        var taken = TabletPorts.Take(IPAddress.Loopback, First, 3);
        var others = TabletPorts.Take(IPAddress.Loopback, First, 2);

        var ports = taken.Keys.Concat(others.Keys).ToList();
        foreach (var socket in taken.Values.Concat(others.Values))
        {
            socket.Dispose();
        }

        Assert.Equal(ports.Distinct(), ports);
        Assert.All(ports, port => Assert.InRange(port, First, First + TabletPorts.Range - 1));
        Assert.Equal(others.Keys.Order(), others.Keys);
    }

    [Fact]
    public void When_there_are_not_as_many_nothing_is_taken_and_it_is_said()
    {
        var last = ushort.MaxValue;

        var failure = Assert.Throws<CommandException>(() => TabletPorts.Take(IPAddress.Loopback, last, 2));

        Assert.Contains($"the others from {last} to {last} are taken", failure.Message, StringComparison.Ordinal);
        var free = TabletPorts.Take(IPAddress.Loopback, last, 1);
        Assert.Equal([last], free.Keys);
        free[last].Dispose();
    }
}
