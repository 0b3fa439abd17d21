using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Stentor.Load.Servers;

/// <summary>
/// A stock ASP.NET Core SignalR hub, JSON protocol, groups as channels: <c>Stentor.Load signalr-server --port 0</c> prints its address
/// and serves until it is ended.
/// </summary>
internal static class SignalRHost
{
    /// <summary>The word that starts it.</summary>
    public const string Command = "signalr-server";

    /// <summary>Serves.</summary>
    /// <param name="port">0 for a free one.</param>
    public static async Task RunAsync(int port)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSignalR(options =>
        {
            // The only departures from the defaults: readers of a measurement stay silent, and are neither cut off nor pinged for it.
            options.ClientTimeoutInterval = TimeSpan.FromMinutes(10);
            options.KeepAliveInterval = TimeSpan.FromMinutes(5);
        });
        var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.MapHub<LoadHub>("/hub");
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!; // Kestrel always has it.
        Console.WriteLine(addresses.Addresses.First());
        await app.WaitForShutdownAsync();
    }
}

/// <summary>What a chat sample does: join a group, send to a group.</summary>
internal sealed class LoadHub : Hub
{
    /// <summary>Joins the channel's group.</summary>
    public Task Subscribe(string channel) => Groups.AddToGroupAsync(Context.ConnectionId, channel, Context.ConnectionAborted);

    /// <summary>Sends to all in the channel's group.</summary>
    public Task Publish(string channel, JsonElement activity) => Clients.Group(channel).SendAsync("activity", activity, Context.ConnectionAborted);
}
